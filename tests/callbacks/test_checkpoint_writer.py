from __future__ import annotations

import errno
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks.checkpoint_writer import CheckpointWriter


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
@pytest.mark.parametrize("moment", ["write", "fsync"])
def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path, writer = tmp_path / "last.ckpt", CheckpointWriter()
    writer.save_checkpoint({"step": 1}, path)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if moment == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(torch, "save", lambda checkpoint, file: (file.write(b"half"), full()))
    with pytest.raises(OSError, match="No space left"):
        writer.save_checkpoint({"step": 2}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_the_checkpoint_is_not_collected_in_memory(tmp_path: Path) -> None:
    tensor = torch.zeros(4_000_000)
    tracemalloc.start()
    CheckpointWriter().save_checkpoint({"weights": tensor}, tmp_path / "last.ckpt")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000  # a quarter of it
