from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
import torch

from cli.asking.find import Described, default_folder, describe
from cli.asking.model import Model
from cli.commands.ask import choose_task
from cli.demo import answerer as answering
from cli.demo.answerer import Answerer
from cli.demo.page import list_examples
from datamodules.formats import load_format
from datamodules.tasks import load_task
from datamodules.workers.guarded_worker import Result
from datamodules.workers.opsin import why_unavailable
from tests.helpers.demo_runs import write_run

needs_opsin = pytest.mark.skipif(why_unavailable() is not None, reason=f"needs OPSIN: {why_unavailable()}")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def answerer(run: Path) -> Answerer:
    return Answerer(Model(describe(run)), answers=4)


def stub_answers(monkeypatch: pytest.MonkeyPatch, answerer: Answerer, *texts: str) -> None:
    monkeypatch.setattr(answerer, "_generate", lambda *_: dict.fromkeys(texts, (math.log(0.5), True)))


def test_answers_differ_and_the_most_probable_comes_first(answerer: Answerer) -> None:
    reply = answerer.ask("name_small_molecules", " OCC ")
    assert reply.question == "CCO"
    assert reply.picture is not None
    assert reply.picture.lstrip().startswith("<?xml")
    texts = [answer.text for answer in reply.answers]
    assert 1 <= len(texts) == len(set(texts)) <= 4
    shares = [answer.probability for answer in reply.answers]
    assert shares == sorted(shares, reverse=True)
    assert answerer.ask("name_small_molecules", "CCO") == reply


def test_answer_probability_is_that_of_its_tokens_under_the_plain_model(answerer: Answerer) -> None:
    found = answerer._generate(answerer.tasks["name_small_molecules"], "CCO")
    decoder, tokenizer, _ = answerer.model.weights("name_small_molecules")
    prompt = tokenizer("CCO ->", return_tensors="pt").input_ids
    made = decoder.generate(prompt, max_new_tokens=8, do_sample=False)[:, prompt.shape[1] :]
    logits = decoder(torch.cat([prompt, made], dim=1)).logits[0, prompt.shape[1] - 1 : -1].float()
    banned = decoder.generation_config.suppress_tokens
    logits[:, banned] = -torch.inf
    expected = logits.log_softmax(dim=1).gather(1, made[0][:, None]).sum().item()
    greedy = tokenizer.decode(made[0], skip_special_tokens=True).strip()
    assert found[greedy][0] == pytest.approx(expected, abs=1e-4)


@needs_opsin
def test_answered_names_are_read_back(answerer: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    stub_answers(monkeypatch, answerer, "ethanol", "methoxymethane", "ethane", "etanol", "ethan(ol")
    right, isomer, other, unknown, broken = answerer.ask("name_small_molecules", "CCO").answers
    assert (right.verdict, right.same, right.reason) == ("the same molecule", True, None)
    assert (isomer.verdict, isomer.same) == ("right formula, other structure", False)
    assert (other.verdict, other.same) == ("another molecule", False)
    assert (unknown.verdict, unknown.reason, unknown.picture) == (
        None,
        "not read by OPSIN: unknown name part",
        None,
    )
    assert broken.reason is not None
    assert all(answer.picture for answer in (right, isomer, other))


@needs_opsin
def test_answered_structures_are_compared_with_the_name(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answerer = Answerer(Model(describe(run, task="iupac_to_smiles")))
    stub_answers(monkeypatch, answerer, "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "C(")
    reply = answerer.ask("iupac_to_smiles", "L-alanine")
    same, mirrored, broken = reply.answers
    assert reply.unread is None
    assert answerer.ask("iupac_to_smiles", "banana").unread == "unknown name part"
    assert {same.verdict, mirrored.verdict} == {"the same molecule", "the same but for stereo"}
    assert (broken.verdict, broken.picture) == (None, None)
    assert broken.reason is not None


@needs_opsin
def test_answered_name_that_fits_several_molecules_is_not_the_same(
    answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub_answers(monkeypatch, answerer, "chloronaphthalene", "1-chloronaphthalene")
    found = {one.text: one for one in answerer.ask("name_small_molecules", "Clc1cccc2ccccc12").answers}
    exact, vague = found["1-chloronaphthalene"], found["chloronaphthalene"]
    assert (exact.verdict, exact.same) == ("the same molecule", True)
    assert (vague.verdict, vague.same) == ("the same molecule, but the name: fits several molecules", False)


def test_answered_names_are_not_judged_without_opsin(
    answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "why_unavailable", lambda: "Java is not installed")
    stub_answers(monkeypatch, answerer, "ethanol")
    [answer] = answerer.ask("name_small_molecules", "CCO").answers
    assert (answer.verdict, answer.picture, answer.reason) == (None, None, None)
    assert answerer.why_no_names() == "Java is not installed"


def test_answers_from_structure_to_structure_are_not_compared(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer = Answerer(Model(describe(run, task="smiles_to_selfies")))
    stub_answers(monkeypatch, answerer, "[C][C][O]")
    [answer] = answerer.ask("smiles_to_selfies", "CCO").answers
    assert answer.verdict is None
    assert answer.picture is not None
    assert answerer.why_no_names() is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("C" * 1001, "at most 1000 characters, but got 1001"),
        (" \n ", "Type or paste a SMILES"),
        ("C\ud800", "lone surrogate"),
        ("C(", "Not a valid SMILES: unbalanced parenthesis"),
        ("CCO foo", "Not a valid SMILES: title after the SMILES"),
        ("C\0", "Not a valid SMILES"),
        ("C" * 900, r"at most 127 tokens \(the model's limit\)"),
    ],
)
def test_invalid_questions_are_errors_that_say_why(answerer: Answerer, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        answerer.ask("name_small_molecules", text)


def test_drawing_that_takes_too_long_is_left_out(answerer: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answerer._drawing_worker, "map", lambda *_: [Result(None, "timeout")])
    assert answerer.ask("name_small_molecules", "CCO").picture is None


def test_describe_takes_a_run_its_export_or_a_copy_of_it(run: Path, tmp_path: Path) -> None:
    expected = Described(run / "hf", (load_task("name_small_molecules"),), load_format("arrow"))
    assert describe(run) == describe(run / "hf") == expected
    copy = tmp_path / "deep" / "copy"
    copy.parent.mkdir()
    (run / "hf").rename(copy)
    try:
        with pytest.raises(ValueError, match="Set --task and --format"):
            describe(copy)
        assert describe(copy, "iupac_to_smiles", "plain").tasks == (load_task("iupac_to_smiles"),)
        with pytest.raises(ValueError, match="Expected --model to be a run's folder"):
            describe(run)
    finally:
        copy.rename(run / "hf")


def test_describe_makes_a_task_of_a_runs_own_columns(tmp_path: Path) -> None:
    run = write_run(tmp_path, task=None, input_column="smiles", output_column="name", output_notation="iupac")
    [task] = describe(run).tasks
    assert (task.name, task.input.notation, task.output.notation) == ("smiles_to_name", "smiles", "iupac")


def test_runs_with_demonstrations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--data.shots 3 puts rows of the training table"):
        describe(write_run(tmp_path, shots=3))


def test_default_model_is_that_of_the_run_that_ended_last(tmp_path: Path) -> None:
    for age, name in ((20, "old"), (0, "new"), (10, "middle")):
        file = tmp_path / name / "hf" / "config.json"
        file.parent.mkdir(parents=True)
        file.touch()
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    assert default_folder(tmp_path) == tmp_path / "new"


def test_choices_are_weighed_and_no_other_text_is_an_answer(tmp_path: Path) -> None:
    model = Model(describe(write_run(tmp_path, task="crosses_brain_barrier")))
    reply = Answerer(model).ask("crosses_brain_barrier", "OCC")
    [answer] = model.predict(["CCO"])
    shares = {one.text: one.probability for one in reply.answers}
    assert shares == pytest.approx(answer.probabilities)
    assert reply.answers[0].text == answer.text
    assert {one.reason for one in reply.answers} == {None}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)


def test_a_gap_is_filled_in_and_the_whole_molecule_is_shown(tmp_path: Path) -> None:
    filling = Answerer(
        Model(describe(write_run(tmp_path, task="smiles_to_iupac,fill_smiles", format="labels"))), answers=2
    )
    reply = filling.ask("fill_smiles", " c1ccccc1?C(=O)O")
    assert reply.question == "c1ccccc1?C(=O)O"
    assert all(one.text.startswith("c1ccccc1") and one.text.endswith("C(=O)O") for one in reply.answers)
    with pytest.raises(
        ValueError, match=r"Not a valid SMILES: expected one '\?' in place of what is missing"
    ):
        filling.ask("fill_smiles", "CCO")
    assert choose_task(filling.model, ["c1ccccc1?C"]) == "fill_smiles"
    assert choose_task(filling.model, ["c1ccccc1C"]) == "smiles_to_iupac"
    assert {name for name, _ in list_examples(filling)} == {"smiles_to_iupac"}
