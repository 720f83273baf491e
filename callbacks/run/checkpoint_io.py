"""Write checkpoints atomically and without a copy in memory; read only tensors and plain values from them."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from typing_extensions import override

from callbacks.run.run_facts import not_a_checkpoint

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk and of a full disk quota."""


class DiskFull(OSError):
    """A checkpoint that does not fit on the disk."""

    def __init__(self, path: Path, size: int, written: int) -> None:
        super().__init__(
            errno.ENOSPC,
            f"{path} needs {size:,} bytes, but its disk is {max(1, size - written):,} bytes short. Free some space. "
            + ("The previous checkpoint is intact." if path.exists() else "There is no previous checkpoint."),
        )


class _Counted:
    """A file that stops writing when the disk is full but keeps counting the bytes it would need."""

    def __init__(self, file: Any) -> None:
        self.file, self.size, self.written = file, 0, 0
        self.full: OSError | None = None

    def write(self, data: Any) -> int:
        """Write `data`, or keep the error for `finish`; PyTorch would turn an exception here into a RuntimeError."""
        view = memoryview(data).cast("B")
        self.size += len(view)
        try:
            while self.full is None and self.written < self.size:
                self.written += self.file.write(view[self.written - self.size :])
        except OSError as error:
            self.full = error
        return len(view)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def finish(self) -> None:
        """Wait until everything is on disk.

        Raises:
            OSError: If a write failed.
        """
        if self.full is not None:
            raise self.full
        os.fsync(self.file.fileno())


def _settle_name(path: Path) -> None:
    """Make a file's new name durable, too; Windows cannot open a folder."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class CheckpointWriter(TorchCheckpointIO):
    """Lightning's checkpoint IO, but without a copy in memory for local files, and safe against crashes and full disks.

    Lightning first collects the whole checkpoint in memory (1.6 GB for 135M parameters with AdamW's moments), and may
    move it between file systems, which is not atomic. This class writes a temporary file in the same folder and replaces
    the old checkpoint once everything is on disk; any failure before that leaves the old one unchanged.
    """

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint.

        Args:
            checkpoint: Anything that `torch.save` accepts.
            path: The file; Lightning writes to URLs such as `s3://...`.
            storage_options: Must be None, as for Lightning's own class.

        Raises:
            DiskFull: If it does not fit on the disk; a previous checkpoint stays intact.
            OSError: If writing fails for another reason; a previous checkpoint stays intact.
        """
        if storage_options is not None or "://" in str(path):
            super().save_checkpoint(checkpoint, str(path), storage_options)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(
            f".{target.name}-*"
        ):  # of a process that was killed while it wrote
            leftover.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb", buffering=0) as file:
                counted: Any = _Counted(file)
                torch.save(checkpoint, counted)
                counted.finish()
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(name, 0o666 & ~umask)  # only the owner may read a temporary file
            os.replace(name, target)
        except BaseException as error:
            Path(name).unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in FULL:
                raise DiskFull(target, counted.size, counted.written) from error
            raise
        _settle_name(target)

    @override
    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint of tensors and plain values to the CPU; no code in it can run, whatever the arguments.

        Args:
            path: The file, or a URL that Lightning supports.
            map_location: As for `torch.load`.
            weights_only: Ignored and treated as True: False could run any code.

        Raises:
            ValueError: If the file holds anything else, is truncated, or is not a checkpoint.
        """
        try:
            return super().load_checkpoint(
                str(path), map_location or (lambda storage, _: storage), weights_only=True
            )
        except Exception as error:
            raise not_a_checkpoint(path, error) from error
