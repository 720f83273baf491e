from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest

from datamodules import task_data
from datamodules.rows import prepare
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.sources.tables import file_lines
from datamodules.storage import spill
from datamodules.storage.cache_keys import hash_file
from tests.helpers.bpe import make_tokenizer
from tests.helpers.small_tables import list_places

ROWS = 60


@pytest.fixture(autouse=True)
def small_tables_are_kept_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datamodules.storage.cache.LEAST_ROWS", 1)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mols.csv"
    rows = [["smiles", "name"], *[["C" * (1 + n % 20) + "O", f"name {n}"] for n in range(ROWS)]]
    rows += [["C1CC", "broken"], ["", "empty"], ["CCN", ""], ["CCF", "x</s>"], ["C" * 200, "long"]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def make(table: Path, folder: Path, tokenizer: Any = None, **options: Any) -> SequenceTaskDataModule:
    defaults: dict[str, Any] = {
        "source": str(table), "input_column": "smiles", "output_column": "name", "format": "arrow", "max_length": 90,
        "val_fraction": 0.2, "test_fraction": 0.2, "cache_dir": str(folder),
    }  # fmt: skip
    module = SequenceTaskDataModule(tokenizer or make_tokenizer(begin="<s>"), **{**defaults, **options})
    module.setup("fit")
    module.setup("test")
    return module


def contents(module: SequenceTaskDataModule) -> dict[str, Any]:
    """Everything that a run sees of its data."""
    encoded, rows = module.data.encode_training(0)
    tokens = {side: asked.encoded for side, asked in module.data.sides.items()}
    return {
        "batches": [encoded.example(row).tolist() for row in range(len(encoded))],
        "order": rows.tolist(),
        "prompts": {side: one.prompt_lengths.tolist() for side, one in tokens.items()},
        "ids": {side: one.ids.tolist() for side, one in tokens.items()},
        "pools": {side: pool.tolist() for side, pool in list_places(module.data).items()},
        "rows": [asdict(module.row("test", index)) for index in range(module.num_rows("test"))],
        "aside": [asdict(row) for row in module.set_aside("fit")],
        "report": module.report,
    }


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("read, although it was kept")

    monkeypatch.setattr(prepare, "read_parts", fail)
    monkeypatch.setattr(task_data, "fill", fail)


def test_second_run_gets_the_same_data_and_reads_nothing(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    without = contents(make(table, cache, cache=False))
    assert not cache.exists()
    first = contents(make(table, cache))
    forbid_reading(monkeypatch)
    second = contents(make(table, cache))
    assert first == second == without
    assert len(first["aside"]) == 5
    assert first["report"]["rows"]["train"] > 20


def test_cached_data_are_announced(table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = []
    for _ in range(2):
        caplog.clear()
        with caplog.at_level("INFO"):
            make(table, tmp_path / "cache")
        said.append([record.getMessage() for record in caplog.records if "Cached" in record.getMessage()])
    assert len(said[0]) == 2  # of `fit` and of `test`
    assert str(tmp_path / "cache") in said[0][0]
    assert said[1] == []


def test_cache_knows_a_table_by_its_content(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another name or time is the same table; set-aside rows then have the new name."""
    cache = tmp_path / "cache"
    make(table, cache)
    moved = table.rename(tmp_path / "moved.csv")
    forbid_reading(monkeypatch)
    module = make(moved, cache)
    assert {row.file for row in module.set_aside("fit")} == {str(moved)}
    assert module.report["sources"] == {str(moved): ROWS + 5}
    assert module.report["contents"] == {str(moved): f".csv {hash_file(moved)}"}


def changed(table: Path) -> None:
    table.write_text(table.read_text().replace("name 7", "name 8"))


CHANGES: dict[str, dict[str, Any]] = {
    "notation": {"input_notation": "text"},
    "other way": {"input_column": "name", "output_column": "smiles"},
    "split": {"split": "random"},
    "split seed": {"split_seed": 1},
    "fraction": {"val_fraction": 0.1},
    "format": {"format": "tags"},
    "limit": {"train_rows": 10},
    "validation limit": {"val_rows": 3},
    "length": {"max_length": 12},
    "shots": {"shots": 1},
    "begin token": {"tokenizer": make_tokenizer()},
    "stop token": {"tokenizer": make_tokenizer(begin="<s>", stop="<end>")},
}


@pytest.mark.parametrize("change", [*CHANGES, "content"])
def test_settings_that_change_the_data_are_in_the_cache_key(table: Path, tmp_path: Path, change: str) -> None:
    cache = tmp_path / "cache"
    first = contents(make(table, cache))
    if change == "content":
        changed(table)
    options = CHANGES.get(change, {})
    with_cache, without = (contents(make(table, folder, **options)) for folder in (cache, tmp_path / change))
    assert with_cache == without
    assert with_cache != first


def test_seed_is_in_the_cache_key_only_where_rows_are_drawn(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    make(table, cache)
    shown = [contents(make(table, cache, shots=2, seed=seed)) for seed in (0, 1)]
    assert shown[0]["ids"] != shown[1]["ids"]
    forbid_reading(monkeypatch)
    make(table, cache, seed=1)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [damage_cut, Path.unlink])
def test_damaged_cache_entries_are_made_again(
    table: Path, tmp_path: Path, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "cache"
    first = contents(make(table, cache))
    entries = sorted(cache.iterdir())
    assert [entry.name.split("-")[0] for entry in entries] == ["rows", "tokens", "tokens", "tokens"]
    for entry in entries:
        damage(max(entry.glob("*.npy")))
    assert contents(make(table, cache)) == first
    assert len(warnings(caplog)) == 4
    caplog.clear()
    assert contents(make(table, cache)) == first
    assert warnings(caplog) == []


def test_changed_code_makes_cached_data_anew(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    make(table, cache)
    monkeypatch.setattr(prepare, "describe_code", lambda: {"code": "another"})
    count = len(list(cache.iterdir()))
    make(table, cache)
    assert len(list(cache.iterdir())) == 2 * count


def test_warning_of_a_leaking_split_is_repeated_from_the_cache(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        caplog.clear()
        make(table, tmp_path / "cache", val_source=str(table))
        assert "shares identities" in caplog.text


def test_table_that_changes_while_it_is_read_is_not_cached(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = prepare.read_parts

    def read_and_change(*args: Any) -> Any:
        parts = read(*args)
        changed(table)
        return parts

    monkeypatch.setattr(prepare, "read_parts", read_and_change)
    make(table, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_cached_tasks_and_lists_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {
        "task": "smiles_to_iupac,iupac_to_smiles", "format": "arrow", "train_rows": 40, "val_rows": 5, "test_rows": 5,
    }  # fmt: skip
    results = []
    for _ in range(2):
        module = SequenceTaskDataModule(make_tokenizer(begin="<s>"), cache_dir=str(tmp_path), **options)
        module.setup("fit")
        module.setup("test")
        results.append((contents(module), module.data.store.parts))  # type: ignore[union-attr]
        forbid_reading(monkeypatch)
    (first, parts), (second, again) = results
    assert first == second
    assert [part.task for part in parts] == [part.task for part in again]
    for one, other in zip(parts, again, strict=True):
        assert [one.alternatives[row] for row in range(0, len(one), 997)] == [
            other.alternatives[row] for row in range(0, len(one), 997)
        ]
        assert (np.asarray(one.lines) == other.lines).all()


def test_copies_of_a_file_count_as_two_sources(table: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    copy.write_bytes(table.read_bytes())
    folder = tmp_path / "cache"
    assert list(make(table, folder, val_source=str(table)).report["sources"]) == [str(table)]
    again = make(table, folder, val_source=str(copy))
    assert list(again.report["sources"]) == [str(table), str(copy)]
    assert contents(again)["report"] == contents(make(table, folder, val_source=str(copy)))["report"]


@pytest.mark.parametrize("split", ["identity", "random", "scaffold", "given"])
@pytest.mark.parametrize("cached", [True, False])
def test_large_tables_give_the_rows_tokens_and_reports_of_small_ones(
    split: str, cached: bool, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"split": split} if split != "given" else {"split_column": "side"}
    if split == "given":
        lines = table.read_text().splitlines()
        sides = ["side", *(["train", "val", "test", "train", "none"][n % 5] for n in range(len(lines) - 1))]
        table.write_text("".join(f"{line},{side}\n" for line, side in zip(lines, sides, strict=True)))
    options["val_source"] = None
    small = contents(make(table, tmp_path / "small", **options))
    monkeypatch.setattr(spill, "PART", 16)
    monkeypatch.setattr(spill, "BLOCK", 10)
    monkeypatch.setattr(file_lines, "LARGE", 0)
    monkeypatch.setattr(file_lines, "_EVERY", 7)
    large = contents(make(table, tmp_path / "large", cache=cached, **options))
    assert large == small
    if cached:
        forbid_reading(monkeypatch)
        assert contents(make(table, tmp_path / "large", **options)) == small


def test_folder_of_shards_gives_the_rows_and_tokens_of_one_file(table: Path, tmp_path: Path) -> None:
    whole = pc_csv.read_csv(table)
    (tmp_path / "shards").mkdir()
    pq.write_table(whole, tmp_path / "whole.parquet")
    for number, start in enumerate(range(0, len(whole), 25)):
        pq.write_table(whole.slice(start, 25), tmp_path / "shards" / f"part-{number}.parquet")
    one, many = (
        contents(make(path, tmp_path / "cache", cache=False))
        for path in (tmp_path / "whole.parquet", tmp_path / "shards")
    )
    for found in (one, many):
        del found["report"]["sources"], found["report"]["contents"], found["report"]["kept"][0]["file"]
        found["aside"] = [{**row, "file": ""} for row in found["aside"]]
    assert many == one
