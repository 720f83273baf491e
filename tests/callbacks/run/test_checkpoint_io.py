from __future__ import annotations

import errno
import io
import os
import tracemalloc
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from callbacks.run import checkpoint_io
from callbacks.run.checkpoint_io import CheckpointWriter, DiskFull


def test_what_is_written_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "last.ckpt"
    for value in (1, 2):
        CheckpointWriter().save_checkpoint({"weights": torch.full((3,), value), "step": value}, path)
    read = torch.load(path, weights_only=True)
    assert read["step"] == 2
    assert read["weights"].tolist() == [2, 2, 2]
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.pitfall(20)
@pytest.mark.parametrize(("moment", "missing"), [("write", "1,048,576"), ("fsync", "1")])
def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, missing: str
) -> None:
    path, writer = tmp_path / "last.ckpt", CheckpointWriter()
    writer.save_checkpoint({"step": 1}, path)
    checkpoint = {"weights": torch.zeros(2**20)}
    torch.save(checkpoint, whole := io.BytesIO())
    size = len(whole.getvalue())

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if moment == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(checkpoint_io, "_Counted", partial(SmallDisk, size - 2**20))
    with pytest.raises(
        DiskFull,
        match=rf"last.ckpt needs {size:,} bytes, but its disk is {missing} bytes short.* previous checkpoint is intact",
    ):
        writer.save_checkpoint(checkpoint, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


class SmallDisk(checkpoint_io._Counted):
    """A file on a disk with room for so many bytes: it takes a part of what is written, then nothing, as a real one does."""

    def __init__(self, room: int, file: Any) -> None:
        super().__init__(self)
        self.room, self.real = room, file

        def write(view: memoryview) -> int:
            taken = min(len(view), self.room)
            if not taken:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room -= taken
            return int(self.real.write(view[:taken]))

        self.file = SimpleNamespace(write=write, fileno=file.fileno)


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".last.ckpt-abc").write_bytes(b"half")
    (tmp_path / ".best.ckpt-abc").write_bytes(b"another's")
    CheckpointWriter().save_checkpoint({"step": 1}, tmp_path / "last.ckpt")
    assert sorted(file.name for file in tmp_path.iterdir()) == [".best.ckpt-abc", "last.ckpt"]


def test_the_checkpoint_is_not_collected_in_memory(tmp_path: Path) -> None:
    tensor = torch.zeros(4_000_000)
    tracemalloc.start()
    CheckpointWriter().save_checkpoint({"weights": tensor}, tmp_path / "last.ckpt")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000  # a quarter of it
