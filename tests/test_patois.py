"""The Python API: `patois.load(folder).predict(texts)`."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pytest

import patois
from cli.asking.find import describe
from cli.asking.model import Model
from cli.demo.answerer import Answerer
from tests.helpers.fake_opsin import need_opsin
from tests.helpers.imports import loaded_by
from tests.helpers.runs import PAIRS, command, command_here, own_table, read_csv, write_pairs

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


@pytest.fixture(scope="module")
def flagship() -> patois.Model:
    return patois.load()


def test_answers_equal_those_of_one_question_at_a_time(flagship: patois.Model) -> None:
    """The demo page generates one row at a time; here rows of different lengths stand side by side."""
    texts = ["CCO", ASPIRIN, "C", "OC(=O)c1ccccc1"]
    alone = Answerer(flagship, answers=1)
    for text, answer in zip(
        texts, flagship.predict(texts, task="smiles_to_iupac", batch_size=2), strict=True
    ):
        [expected] = alone.ask("smiles_to_iupac", text).answers
        assert answer.text == expected.text
        assert answer.probability == pytest.approx(expected.probability, rel=1e-4)
        assert answer.valid == (expected.reason is None)


def test_predict_normalizes_inputs_and_says_why_it_cannot_answer(flagship: patois.Model) -> None:
    first, second, broken = flagship.predict(["OCC", "C(C)O", "C1CC"], task="smiles_to_iupac")
    assert first == second
    assert first.text == "ethanol"
    assert broken == (None, None, False, "", "not a valid SMILES: unclosed ring", {})
    assert flagship.predict([], task="smiles_to_iupac") == []


@need_opsin()
def test_name_that_fits_several_molecules_is_not_verified_back(flagship: patois.Model) -> None:
    vague, clear = flagship.predict(["methylpyridine", "2-methylpyridine"], task="iupac_to_smiles")
    assert vague.verified in ("formula", "")
    assert vague.why == "OPSIN on the question: fits several molecules"
    assert (clear.verified, clear.why) == ("back", None)


@pytest.mark.parametrize(("task", "got"), [(None, "None"), ("smiles", "'smiles'")])
def test_a_task_is_named_where_there_are_several(flagship: patois.Model, task: str | None, got: str) -> None:
    with pytest.raises(
        ValueError,
        match=rf"Expected task= to be one of smiles_to_iupac, iupac_to_smiles.*got {got}: write task='smiles_to_iupac'",
    ):
        flagship.predict(["CCO"], task=task)


def test_a_table_with_the_input_of_one_task_needs_no_task(flagship: patois.Model) -> None:
    table = pa.table({"smiles": ["CCO"], "note": ["x"]})
    assert [answer.text for answer in flagship.predict(table)] == ["ethanol"]
    assert [answer.text for answer in flagship.predict(table.to_pandas())] == ["ethanol"]
    assert flagship.find_task(None, ["iupac"]).name == "iupac_to_smiles"
    for columns in (["smiles", "iupac"], ["note"]):
        with pytest.raises(ValueError, match="Expected task= to be one of"):
            flagship.find_task(None, columns)


def test_one_text_is_no_list_of_texts(flagship: patois.Model) -> None:
    with pytest.raises(ValueError, match=r"Expected a list of texts, but got a single text: write \['CCO'\]"):
        flagship.predict("CCO", task="smiles_to_iupac")


@pytest.mark.parametrize("how", ["mean", "pmi"])
def test_choices_are_scored_as_the_run_scores_them(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kinds = [("harmless", "very toxic indeed")[len(smiles) % 2] for smiles, _ in PAIRS]
    words = own_table(tmp_path)
    write_pairs(tmp_path, [(smiles, kind) for (smiles, _), kind in zip(PAIRS, kinds, strict=True)])
    fit = [
        "fit",
        "--name",
        "mine",
        *words,
        "--trainer.max_epochs",
        "1",
        "--model.generation.choice_score",
        how,
    ]
    done = command(fit, tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "new.csv").write_text("smiles\nCCO\nCCN\nc1ccccc1\n")
    done = command(["predict", "--ckpt_path", "runs/mine", "--data.predict_path", "new.csv"], tmp_path)
    assert done.returncode == 0, done.stderr
    rows = read_csv(tmp_path / "runs" / "mine" / "predict" / "predictions" / "new.csv")
    shutil.copytree("runs/mine/hf", "moved")
    for folder in ("moved", "runs/mine/checkpoints/last.ckpt"):
        answers = patois.load(folder).predict([row["smiles"] for row in rows])
        assert [answer.text for answer in answers] == [row["prediction"] for row in rows]
        assert {answer.verified for answer in answers} == {""} == {row["verified"] for row in rows}
        for answer, row in zip(answers, rows, strict=True):
            shares = {f"p_{choice}": chance for choice, chance in answer.probabilities.items()}
            assert shares == pytest.approx({name: float(row[name]) for name in shares}, abs=2e-3)
    plain = Model(replace(describe(Path("moved")), choice_score="sum")).predict(["CCO"])[0]
    assert plain.probabilities["harmless"] != pytest.approx(float(rows[0]["p_harmless"]), abs=2e-2)


def test_a_run_answers_as_its_predict_command_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = own_table(tmp_path)
    assert (
        command_here(["fit", "--name", "mine", *words, "--trainer.max_epochs", "1"], tmp_path).returncode == 0
    )
    (tmp_path / "new.csv").write_text("smiles\nCCO\nCCN\nc1ccccc1\n")
    done = command_here(
        ["predict", "--ckpt_path", "runs/mine/checkpoints/best.ckpt", "--data.predict_path", "new.csv"],
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    rows = read_csv(tmp_path / "runs" / "mine" / "predict" / "predictions" / "new.csv")
    answers = patois.load("runs/mine").predict(["CCO", "CCN", "c1ccccc1"])
    assert [answer.text for answer in answers] == [row["prediction"] for row in rows]
    assert [answer.verified for answer in answers] == [row["verified"] for row in rows]
    assert patois.load("runs/mine/hf").predict(["CCO"])[0].text == answers[0].text
    by_checkpoint = patois.load("runs/mine/checkpoints/best.ckpt").predict(["CCO", "CCN", "c1ccccc1"])
    assert [answer.text for answer in by_checkpoint] == [answer.text for answer in answers]
    (tmp_path / "runs/mine/hf").rename(tmp_path / "moved")
    assert patois.load("runs/mine").predict(["CCO"])[0].text == answers[0].text
    assert patois.load("moved").predict(["CCO"])[0].text == answers[0].text


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Expected folder to be a run's folder with hf/"):
        patois.load(tmp_path)


def test_a_model_shows_its_folder_and_tasks(flagship: patois.Model) -> None:
    assert (
        repr(flagship)
        == f"<patois.Model of {flagship.described.weights}: smiles_to_iupac, iupac_to_smiles; on cpu>"
    )


def test_import_loads_nothing_heavy() -> None:
    assert loaded_by("import patois; patois.Answer") == set()


@pytest.mark.parametrize("kind", [pa.table, pandas.DataFrame])
def test_a_table_is_answered_by_a_column_and_given_back(flagship: patois.Model, kind: Any) -> None:
    table = kind({"text": ["a", "b", "c"], "mol": ["CCO", None, "C1CC"]})
    answers = flagship.predict(table, task="smiles_to_iupac", column="mol")
    found = answers.to_table()
    assert found.column_names == ["text", "mol", "text_2", "probability", "valid", "verified", "why"]
    assert found.column("text").to_pylist() == ["a", "b", "c"]
    assert found.column("text_2").to_pylist() == ["ethanol", None, None]
    assert found.column("why")[2].as_py() == "not a valid SMILES: unclosed ring"
    with pytest.raises(ValueError, match="Expected column= to be one of text, mol, but got None"):
        flagship.predict(table, task="smiles_to_iupac")


def test_a_list_becomes_a_table_with_its_inputs(flagship: patois.Model) -> None:
    assert flagship.predict([], task="smiles_to_iupac").to_table().schema.types[2:4] == [
        pa.float64(),
        pa.bool_(),
    ]
    texts = pandas.Series(["CCO", float("nan")])
    assert flagship.predict(texts, task="smiles_to_iupac").to_table().column("input").to_pylist() == [
        "CCO",
        "",
    ]
    with pytest.raises(ValueError, match="Expected a table where a column"):
        flagship.predict(["CCO"], task="smiles_to_iupac", column="smiles")


def test_prompts_are_sorted_by_length_and_answers_are_not(
    flagship: patois.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lightning_modules.generation import generate as generating

    plain, widths = generating.generate, []

    def record(decoder: Any, tokenizer: Any, ids: Any, mask: Any, *args: Any, **options: Any) -> Any:
        widths.append(mask.sum(dim=1).tolist())
        return plain(decoder, tokenizer, ids, mask, *args, **options)

    monkeypatch.setattr(generating, "generate", record)
    texts = ["CCO", ASPIRIN, "C"] * 6
    answers = flagship.predict(texts, task="smiles_to_iupac", batch_size=1)
    assert [len(one) for one in widths] == [16, 2]  # sixteen batches stand in one tensor
    in_order = [width for one in widths for width in one]
    assert in_order == sorted(in_order, reverse=True)
    assert [answer.text for answer in answers[:3]] == [answer.text for answer in answers[3:6]]
    assert answers[0].text == "ethanol"
    with pytest.raises(ValueError, match="Expected batch_size to be at least 1, but got 0"):
        flagship.predict(["C"], task="smiles_to_iupac", batch_size=0)
