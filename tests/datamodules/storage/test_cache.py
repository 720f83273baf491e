from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datamodules.storage import spill
from datamodules.storage.cache import DataCache, Payload, digest
from datamodules.storage.text_columns import as_strings
from tests.helpers.cache_payloads import KEY, assert_whole, make_payload
from tests.helpers.runs import PROJECT


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    DataCache(tmp_path).save("rows", KEY, make_payload())
    (folder,) = tmp_path.iterdir()
    return folder


def test_cached_payload_reads_back_mapped_into_memory(entry: Path) -> None:
    payload = DataCache(entry.parent).load("rows", KEY)
    assert_whole(payload)
    assert isinstance(payload.arrays["codes"], np.memmap)  # type: ignore[union-attr]
    assert entry.name == f"rows-{digest(KEY)}"


@pytest.mark.parametrize("key", [{**KEY, "table": "abd"}, {**KEY, "more": 1}, {"table": "abc"}])
def test_cache_entry_of_another_key_is_not_found(entry: Path, key: dict[str, object]) -> None:
    assert DataCache(entry.parent).load("rows", key) is None
    assert DataCache(entry.parent).load("tokens", KEY) is None


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _overwrite(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def _nest(path: Path) -> None:
    path.write_text("[" * 200_000)


def _become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = (_cut, _flip, _empty, _overwrite, _nest, Path.unlink, _become_a_folder)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["codes.npy", "words.arrow", "manifest.json"])
def test_damaged_cache_entry_is_found_and_replaced(
    entry: Path, name: str, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    damage(entry / name)
    cache = DataCache(entry.parent)
    assert cache.load("rows", KEY) is None
    (message,) = [record.getMessage() for record in caplog.records]
    assert "cannot be used" in message
    assert "it is rebuilt" in message
    assert "\n" not in message
    cache.save("rows", KEY, make_payload())
    assert_whole(cache.load("rows", KEY))
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_renamed_cache_entry_is_not_used(entry: Path) -> None:
    """A folder that was renamed or copied by hand has whole files, and they are someone else's."""
    other = {**KEY, "table": "other"}
    entry.rename(entry.parent / f"rows-{digest(other)}")
    assert DataCache(entry.parent).load("rows", other) is None


def test_file_in_the_place_of_a_cache_entry_is_replaced(tmp_path: Path) -> None:
    (tmp_path / f"rows-{digest(KEY)}").write_text("not a folder")
    cache = DataCache(tmp_path)
    assert cache.load("rows", KEY) is None
    cache.save("rows", KEY, make_payload())
    assert_whole(cache.load("rows", KEY))


def test_a_manifest_names_files_of_its_own_folder_only(entry: Path) -> None:
    secret = entry.parent / "codes.npy"
    secret.write_bytes((entry / "codes.npy").read_bytes())
    (entry / "codes.npy").unlink()
    manifest = json.loads((entry / "manifest.json").read_text())
    manifest["files"]["../codes.npy"] = manifest["files"].pop("codes.npy")
    (entry / "manifest.json").write_text(json.dumps(manifest))
    assert DataCache(entry.parent).load("rows", KEY) is None


def test_cache_without_a_folder_keeps_nothing(tmp_path: Path) -> None:
    cache = DataCache(None)
    cache.save("rows", KEY, make_payload())
    assert cache.load("rows", KEY) is None
    assert list(tmp_path.iterdir()) == []


def test_cache_folder_that_cannot_be_written_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    cache = DataCache(tmp_path / "file" / "cache")
    for _ in range(2):
        cache.save("rows", KEY, make_payload())
        assert cache.load("rows", KEY) is None
    assert len(caplog.records) == 1
    assert "the next run prepares its data again" in caplog.text


def test_full_disk_leaves_no_cache_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", fail)
    DataCache(tmp_path).save("rows", KEY, make_payload())
    assert list(tmp_path.iterdir()) == []


def test_second_writer_of_a_cache_entry_loses_quietly(entry: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = (entry / "manifest.json").stat().st_ino
    DataCache(entry.parent).save("rows", KEY, make_payload())
    assert caplog.records == []
    assert (entry / "manifest.json").stat().st_ino == before
    assert_whole(DataCache(entry.parent).load("rows", KEY))
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_cache_is_shared_by_many_processes_at_once(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from tests.helpers.cache_payloads import KEY, assert_whole, make_payload
from datamodules.storage.cache import DataCache
cache = DataCache(Path(sys.argv[1]))
for round in range(30):
    key = {**KEY, "round": round}
    if cache.load("rows", key) is None:
        cache.save("rows", key, make_payload())
    assert_whole(cache.load("rows", key))
"""
    root = PROJECT
    command = [sys.executable, "-c", code, str(tmp_path)]
    runs = [
        subprocess.Popen(
            command, cwd=root, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)}
        )
        for _ in range(3)
    ]
    assert [run.communicate(timeout=120)[1] for run in runs] == [""] * 3
    assert [run.returncode for run in runs] == [0] * 3
    assert len(list(tmp_path.iterdir())) == 30


def test_unfinished_entries_of_killed_runs_are_removed_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / ".unfinished-old", tmp_path / ".unfinished-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "codes.npy").write_bytes(b"half")
    os.utime(old, (0, 0))
    DataCache(tmp_path).save("rows", KEY, make_payload())
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize("rows", [3, 300])
def test_large_payload_goes_on_as_the_entry_of_the_cache(rows: int, tmp_path: Path) -> None:
    payload = Payload({"numbers": np.arange(rows)}, {"texts": as_strings(["a", "b"])}, {"x": 1})
    cache = DataCache(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "BLOCK", 100)
        kept = cache.keep("rows", {"a": 1}, payload, rows)
        assert (kept is payload) == (rows < 100)
        assert kept.arrays["numbers"].tolist() == list(range(rows))
        assert kept.texts["texts"].to_pylist() == ["a", "b"]
        assert DataCache(None).keep("rows", {"a": 1}, payload, rows) is payload
