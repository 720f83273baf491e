from __future__ import annotations

from pathlib import Path

import pytest

from cli.asking.find import describe
from cli.asking.model import Generated, Model
from cli.asking.wordings import reword
from cli.commands.ask import main
from lightning_modules.generation import generate as module
from lightning_modules.generation.settings import GenerationSettings
from tests.helpers.demo_runs import write_run

SPELL = "random_smiles_to_canonical"


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return Model(describe(write_run(tmp_path, task=SPELL)))


def test_answers_do_not_depend_on_the_texts_beside_them_and_have_their_question_as_source(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, list[int]] = {}

    def listen(*arguments, sources, **further):
        for (before, question), number in zip(sources, arguments[5].tolist(), strict=True):
            assert before == " "  # of the format arrow
            asked.setdefault(question, []).append(number)
        return generate(*arguments, sources=sources, **further)

    generate = module.generate
    monkeypatch.setattr(module, "generate", listen)
    task, settings = model.tasks[SPELL], GenerationSettings(max_new_tokens=8, block=0.6)
    alone = model.generate(task, ["CCO"] * 4, settings, numbers=range(4))
    beside = model.generate(task, ["CCCCCN", *["CCO"] * 4], settings, 2, numbers=[0, 0, 1, 2, 3])
    assert [one and one.text for one in beside[1:]] == [one and one.text for one in alone]
    assert asked == {"CCO": [0, 1, 2, 3] * 2, "CCCCCN": [0]}


def test_of_the_answers_the_other_spellings_of_the_molecule_are_kept(model: Model, monkeypatch) -> None:
    drawn = {"CCOC": ["CCOC", "COCC", "C(C)OC", "COCC", "CCO", "C("], "CCN": ["CCN"] * 6}

    def write(task, questions, settings, batch_size, numbers):
        assert settings.block == 0.4
        assert list(numbers) == [*range(6), *range(6)]
        return [
            Generated(drawn[question][number], -1.0 - number, True, 5)
            for question, number in zip(questions, numbers, strict=True)
        ]

    monkeypatch.setattr(model, "generate", write)
    first, broken, none = reword(model, ["COCC", "C1CC", "NCC"], None, 6, 0.4)
    assert [(one.text, one.verified) for one in first] == [("COCC", "back"), ("C(C)OC", "back")]
    assert [(one.text, one.why) for one in broken] == [(None, "not a valid SMILES: unclosed ring")]
    assert [(one.text, one.why) for one in none] == [
        (None, "none of 6 answers of at most 8 tokens is another wording")
    ]


def test_a_text_that_is_too_long_has_its_reason(model: Model) -> None:
    [[answer]] = reword(model, ["C" * 500], None, 2, 0.5)
    assert answer.text is None
    assert answer.why is not None
    assert answer.why.startswith("longer than the ")


def test_a_task_of_two_notations_and_numbers_without_sense_are_errors(model: Model, tmp_path: Path) -> None:
    other = Model(describe(write_run(tmp_path / "name")))
    with pytest.raises(
        ValueError, match=r"one notation for other wordings, but got name_small_molecules \(smiles -> iupac\)"
    ):
        reword(other, ["CCO"], None, 4, 0.5)
    for count, block in ((0, 0.5), (4, 0.0), (4, 1.5)):
        with pytest.raises(ValueError, match=r"at least 1 wording and a block in \(0, 1\], but got"):
            reword(model, ["CCO"], None, count, block)


def test_ask_prints_a_line_a_wording(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path, task=SPELL)
    monkeypatch.setattr(
        Model,
        "generate",
        lambda self, task, asked, *_: [Generated(text, -1.0, True, 4) for text in ("OCC", "C(O)C")],
    )
    main(["--model", str(run), "--wordings", "2", "CCO"])
    assert capsys.readouterr().out.splitlines() == [
        "CCO -> OCC  (probability 0.37, verified: back)",
        "CCO -> C(O)C  (probability 0.37, verified: back)",
    ]
