from __future__ import annotations

import csv
from types import SimpleNamespace

import pytest

from callbacks.metrics.constrained_decoding import (
    ConstrainedDecoding,
    Framed,
    Spans,
    find_constraints,
    find_spans,
)
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from configs.lookup import list_configs
from datamodules.formats import Query, load_format
from datamodules.notations import smiles
from datamodules.rows.row import Row
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.generation.generate import GenerationSettings, generate
from tests.helpers.tiny import make_batch, make_rows, make_tiny, make_tokenizer, save_tiny
from tests.helpers.tiny_runs import make_module, make_trainer

pytest.importorskip("partialsmiles")
QUERY = Query("Draw it.", "benzene", "NAME", "SMILES")
VALID = GenerationSettings(max_new_tokens=12, only_valid=True)


@pytest.mark.parametrize("name", [name for name in list_configs("formats") if name != "text"])
def test_an_answer_is_found_between_the_words_of_each_format(name):
    form = load_format(name)
    before, after = (affix.strip() for affix in form.affixes(QUERY))
    framed = Framed(before, after, smiles.may_go_on, smiles.may_end)
    for answer, good in (("c1ccccc1O", True), ("CC(C)(C)(C)C", False)):
        _, text = form.render(QUERY, answer)
        assert framed.may_end(text) == good
        assert all(framed.may_go_on(text[:length]) for length in range(len(text) + 1)) == good
        assert form.extract(text, QUERY) == answer
    assert not framed.may_end(before + " " + after)
    assert not framed.may_go_on(before + " CC O" + after)
    if after:
        assert not framed.may_end(before + " CCO")
        assert not framed.may_go_on(before + " C(" + after[:1])


class Data:
    tasks = (
        SimpleNamespace(name="draw", output=SimpleNamespace(notation="smiles")),
        SimpleNamespace(name="name", output=SimpleNamespace(notation="iupac")),
    )

    def row(self, stage, index):
        return SimpleNamespace(output_notation=("smiles", "iupac")[index % 2])

    def affixes(self, stage, index):
        return " ", ""


def test_only_rows_with_a_smiles_output_are_constrained():
    found = find_constraints(Data(), "test", [0, 1, -1, 2])
    assert [one is None for one in found] == [False, True, True, False]
    rows = [
        EvaluatedRow(index, "draw", "", "", "iupac", notation, "", 0.0, True, 1, replaced=replaced)
        for index, (notation, replaced) in enumerate(
            [("smiles", 0), ("smiles", 2), ("smiles", -1), ("iupac", 0)]
        )
    ]
    scores = [
        (one.get("steered"), one.get("gave_up")) for one in ConstrainedDecoding().score(Evaluation(rows))
    ]
    assert scores == [(0, 0), (1, 0), (1, 1), (None, None)]


def write_table(folder):
    path = folder / "table.csv"
    with path.open("w", newline="") as file:
        lines = [("iupac", "smiles", "split"), ("ethane", "CC", "train")]
        lines += [(f"molecule {'i' * length}", "C" * length, "test") for length in range(3, 15)]
        csv.writer(file).writerows(lines)
    return str(path)


def run(folder, settings, callbacks, output="smiles"):
    module = make_module(save_tiny(folder / "base"), generation=settings)
    options = {"input_column": "iupac", "output_column": output, "split_column": "split", "format": "tags"}
    data = SequenceTaskDataModule(
        module.tokenizer,
        source=write_table(folder),
        eval_batch_size=5,
        max_length=100,
        cache=False,
        **options,
    )
    trainer = make_trainer(callbacks=callbacks, default_root_dir=str(folder))
    trainer.test(module, data, verbose=False)
    return module, data, trainer


def test_a_model_that_knows_nothing_writes_valid_molecules(tmp_path):
    module, data, trainer = run(tmp_path, VALID, [ConstrainedDecoding()])
    batch = data.questions("test", range(12))
    given = module.predict_step(batch, 0)
    for index, (text, stopped, replaced) in enumerate(
        zip(given["prediction"], given["stopped"].tolist(), given["replaced"].tolist(), strict=True)
    ):
        if replaced >= 0 and stopped:
            assert smiles.is_valid(data.extract("test", index, text))
    steered = float(trainer.callback_metrics["test/iupac_to_smiles/steered"])
    assert steered == pytest.approx((given["replaced"] != 0).float().mean().item())
    assert steered > 0.5


def test_a_flag_that_would_do_nothing_is_an_error(tmp_path):
    with pytest.raises(
        ValueError, match=r"callbacks.metrics.constrained_decoding.ConstrainedDecoding among the callbacks"
    ):
        run(tmp_path, VALID, [])
    with pytest.raises(ValueError, match=r"task with a SMILES output .* got iupac_to_iupac"):
        run(tmp_path, VALID, [ConstrainedDecoding()], output="iupac")


def test_without_the_flag_nothing_is_constrained(tmp_path):
    module, _, trainer = run(tmp_path, GenerationSettings(max_new_tokens=3), [ConstrainedDecoding()])
    assert module.constraints_of is None
    assert not [name for name in trainer.callback_metrics if "steered" in name]


HAT = "Anna's red hat, and Bert's re-dyed one."


def test_spans_are_whole_words_that_stand_together():
    spans = Spans(HAT)
    words = ["Anna's", "red", "hat"]
    for part in ("Anna's red hat", "red hat, and", "hat", "one.", "re", "dyed one"):
        assert spans.is_span(part), part
        assert all(spans.may_begin(part[:length]) for length in range(len(part) + 1))
    for part in ("", "ed hat", "red ha", "hat red", "Anna red"):
        assert not spans.is_span(part), part
    assert not spans.may_begin(" ".join(words[::-1]))
    assert Spans("Is it 5").is_span("5")
    assert not Spans("Is it 57").is_span("5")


class Questions:
    def row(self, stage, index):
        notation, choices = [("answer", ()), ("text", ("a", "b")), ("number", ()), ("text", ())][index]
        return SimpleNamespace(input=HAT, asked=None, output_notation=notation, choices=choices)

    def affixes(self, stage, index):
        return " ", ""


def test_every_answer_is_a_span_of_its_input_whatever_the_weights(tmp_path):
    found = find_spans(Questions(), "test", [0, 1, 2, 3, -1])
    assert [one is None for one in found] == [False, True, True, False, True]
    tokenizer = make_tokenizer(False)
    batch = make_batch(make_rows(tokenizer, [("x", "y")] * 6), tokenizer.pad_token_id, list(range(6)))
    settings = GenerationSettings(max_new_tokens=60, strategy="sample", temperature=3.0)
    texts = generate(
        make_tiny().eval(), tokenizer, batch["prompt_ids"], batch["prompt_mask"], settings, batch["row_index"],
        constraints=[found[0]] * 6,
    )  # fmt: skip
    assert (texts.replaced > 0).all()
    assert len(set(texts.text)) > 1
    for text, stopped in zip(texts.text, texts.stopped.tolist(), strict=True):
        assert text.strip() in HAT
        assert not stopped or Spans(HAT).is_span(text.strip())


def test_spans_exclude_other_constraints():
    with pytest.raises(ValueError, match="only_from without only_valid"):
        GenerationSettings(only_from="input", only_valid=True)
    with pytest.raises(ValueError, match="without strategy beam"):
        GenerationSettings(only_from="input", strategy="beam")
    with pytest.raises(ValueError, match="only_from to be input"):
        GenerationSettings(only_from="output")  # type: ignore[arg-type]


def test_spans_of_answers_that_are_no_texts_are_refused(tmp_path):
    choices = SimpleNamespace(options=("0", "1"))
    tasks = (
        SimpleNamespace(name="toxic", choices=choices, output=SimpleNamespace(notation="text")),
        SimpleNamespace(name="draw", choices=None, output=SimpleNamespace(notation="smiles")),
    )
    data = SimpleNamespace(tasks=tasks, num_rows=lambda stage: 0, task_names=["toxic", "draw"])
    model = SimpleNamespace(generation=GenerationSettings(only_from="input"), constraints_of=None)
    trainer = SimpleNamespace(datamodule=data, loggers=[], world_size=1)
    with pytest.raises(
        ValueError, match=r"text or answer for .*only_from, but got toxic \(choices\), draw \(smiles\)"
    ):
        ConstrainedDecoding().setup(trainer, model, "test")
    tasks[0].choices = None
    ConstrainedDecoding().setup(trainer, model, "test")
    assert model.constraints_of is not None


def test_an_answer_in_a_gap_keeps_its_molecule_valid():
    class Gaps(Data):
        def row(self, stage, index):
            return Row(index, "fill", "c1ccccc1(?)O", "", "text", "smiles", around=("c1ccccc1C(", ")O"))

    [framed] = find_constraints(Gaps(), "test", [0])
    assert framed.may_go_on(" =O")
    assert framed.may_end(" =O")
    assert not framed.may_end(" C1")
    assert not framed.may_go_on(" =O))")
    assert framed.may_go_on(" C1CC")  # the ring can still close
    assert not smiles.may_go_on("=O")  # alone it is none
