from __future__ import annotations

from pathlib import Path

import pytest

from cli.given import read_given
from cli.settings.auto_base import choose_base
from cli.settings.words import complete_words
from datamodules import few_rows
from tests.helpers.parsing import parse
from tests.helpers.runs import write_pairs

SUBCOMMANDS = ("fit", "validate", "test", "predict", "show")
COLUMNS = ["--data.input_column", "smiles", "--data.output_column", "name"]


def choose(*words: str) -> tuple[str, str]:
    return choose_base(read_given(["fit", *words], SUBCOMMANDS))


def test_few_pairs_of_molecules_and_names_start_from_the_flagship(tmp_path: Path) -> None:
    base, line = choose("--data.source", write_pairs(tmp_path), *COLUMNS)
    assert (base, line) == (
        "flagship",
        "Base: flagship, since it knows smiles to iupac and the 23 rows are few",
    )


def test_many_rows_and_other_tasks_start_from_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_pairs(tmp_path)
    notation = ("--data.output_notation", "text")
    assert choose("--data.source", table, *COLUMNS, *notation) == (
        "bundled", "Base: bundled, since no base knows smiles to text already (23)",
    )  # fmt: skip
    monkeypatch.setattr(few_rows, "FEW", 22)
    assert choose("--data.source", table, *COLUMNS) == (
        "bundled",
        "Base: bundled, since the rows are many (23)",
    )
    assert choose("--data.source", table, *COLUMNS, "--data.train_rows", "22")[0] == "flagship"


def test_a_task_brings_its_own_source_and_notations() -> None:
    assert choose("--data.task", "smiles_to_iupac")[0] == "bundled"
    assert (
        choose("--data.task", "smiles_to_iupac,iupac_to_smiles", "--data.train_rows", "100")[0] == "flagship"
    )


def test_a_table_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing\.csv"):
        choose("--data.source", str(tmp_path / "nothing.csv"), *COLUMNS)


def test_auto_becomes_a_base_with_its_rate_and_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data.source", write_pairs(tmp_path), *COLUMNS]
    config = parse(["fit", "--model.base", "auto", *data]).fit
    assert (config.model.base, config.data.format) == ("flagship", "styled")
    assert config.model.optimizer.init_args.lr == 3e-4
    assert "Base: flagship" in capsys.readouterr().err
    (tmp_path / "own.yaml").write_text("model: {base: auto}\ndata: {format: arrow}\n")
    config = parse(["fit", "--config", str(tmp_path / "own.yaml"), *data]).fit
    assert (config.model.base, config.data.format) == ("flagship", "arrow")


def test_a_base_brings_its_format_unless_one_is_given() -> None:
    assert parse(["fit", "--model.base", "flagship"]).fit.data.format == "styled"
    assert parse(["fit", "--model.base", "flagship", "--data.format", "tags"]).fit.data.format == "tags"
    assert parse(["fit"]).fit.data.format == "arrow"


def test_auto_beside_a_checkpoint_is_refused(tmp_path: Path) -> None:
    words = ["fit", "--model.base", "auto", "--ckpt_path", str(tmp_path / "x.ckpt")]
    with pytest.raises(ValueError, match=r"Expected --model\.base auto without --ckpt_path"):
        complete_words(words, Path("runs"), SUBCOMMANDS)
