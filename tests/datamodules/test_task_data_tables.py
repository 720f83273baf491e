from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datamodules.rows import large_tables
from datamodules.stages import SIDES
from datamodules.storage import spill
from datamodules.task_data import TaskData
from tests.helpers.small_tables import prepare_words, write_and_prepare


def test_what_was_decided_about_a_file_is_told_once_and_kept(
    tokenizer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mols.smi"
    path.write_bytes("OCC grün\nCCN amine\nCCC prop\n".encode("cp1252"))
    options = {"input_column": "smiles", "output_column": "title", "val_fraction": 0, "test_fraction": 0}
    for _ in range(2):  # the second time out of the cache
        data = TaskData(
            tokenizer, source=str(path), format="arrow", cache_dir=str(tmp_path / "cache"), **options
        )
        data.prepare_sides(SIDES["fit"], keep_small=True)
        told = [line for line in caplog.messages if str(path) in line]
        caplog.clear()
        assert len(told) == 2
        assert "read as cp1252" in told[0]
        assert "--data.encoding" in told[0]
        assert "no header line" in told[1]
        assert "--data.header true" in told[1]
        assert data.report["notes"] == {str(path): [line.split(": ", 1)[1].rstrip(".") for line in told]}
    assert sorted(data.prepared.parts[0].outputs) == ["amine", "grün", "prop"]  # type: ignore[union-attr]


def test_header_and_encoding_are_flags_of_every_table(tokenizer: Any, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.tsv" for name in ("train", "val", "new")]
    for path in paths:
        path.write_bytes("жизнь\tьнзиж\nцифиш\tшифиц\n".encode("cp1251"))
    options = {"input_column": "column_1", "output_column": "column_2", "header": False, "encoding": "cp1251"}
    options |= {"val_source": str(paths[1]), "val_fraction": 0, "test_fraction": 0, "max_length": 200}
    data = prepare_words(tokenizer, str(paths[0]), **options)
    data.read_questions(str(paths[2]))
    assert [data.sides["val"].num_rows, data.sides["predict"].num_rows] == [2, 2]
    assert data.sides["predict"].row(0).input == "жизнь"
    with pytest.raises(ValueError, match=r"Expected --data\.encoding to be auto or an encoding"):
        prepare_words(tokenizer, str(paths[0]), encoding="cp999999")


def test_a_column_that_is_missing_says_what_was_decided(tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "mols.tsv").write_text("CCO\tm1\nCCN\tm2\n")
    with pytest.raises(
        ValueError, match=r"columns: column_1, column_2\).* Note: no header line .*--data\.header true"
    ):
        prepare_words(tokenizer, str(tmp_path / "mols.tsv"), input_column="smiles", output_column="id")


def test_large_tables_are_checked_on_a_cluster_with_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr(spill, "PART", 7)
    calls = []
    on_ray = large_tables.map_on_ray

    def count(function: Any, parts: Any) -> Any:
        calls.append(1)
        return on_ray(function, parts)

    monkeypatch.setattr(large_tables, "map_on_ray", count)
    table = "smiles,name\n" + "".join(f"{'C' * n}O,alcohol {n}\nC1C{'C' * n},broken\n" for n in range(1, 20))
    options: dict[str, Any] = {"val_fraction": 0.3, "test_fraction": 0.0, "output_notation": "text"}
    here = write_and_prepare(tmp_path / "a.csv", table, input_notation="smiles", **options)
    assert not calls
    there = write_and_prepare(tmp_path / "a.csv", table, input_notation="smiles", engine="ray", **options)
    assert calls == [1]
    assert there.report == here.report
    assert there.set_aside("fit") == here.set_aside("fit") != []
    for side, asked in here.sides.items():
        if asked.tokens is not None:
            assert (there.sides[side].encoded.ids == asked.encoded.ids).all()
