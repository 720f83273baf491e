"""Write checkpoints straight to their file, whole or not at all, and read nothing from them but values."""

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
"""The disk is full, or the user's share of it."""


class DiskFull(OSError):
    """A checkpoint that does not fit on the disk."""

    def __init__(self, path: Path, size: int, written: int) -> None:
        super().__init__(
            errno.ENOSPC,
            f"{path} needs {size:,} bytes, but {max(1, size - written):,} bytes are missing on its disk. "
            + ("The checkpoint before it is intact." if path.exists() else "There is none before it."),
        )


class _Counted:
    """A file that is written to as long as there is room, and counts how much there would be in it."""

    def __init__(self, file: Any) -> None:
        self.file, self.size, self.written = file, 0, 0
        self.full: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of `data`, or note why that is not possible; PyTorch would turn an exception into a RuntimeError."""
        view = memoryview(data).cast("B")
        self.size += len(view)
        try:
            while self.full is None and self.written < self.size:
                self.written += self.file.write(view[self.written - self.size :])
        except OSError as error:
            self.full = error
        return len(view)

    def flush(self) -> None:
        """Nothing is buffered."""

    def finish(self) -> None:
        """Wait until all of it is on the disk.

        Raises:
            OSError: If not all of it could be written.
        """
        if self.full is not None:
            raise self.full
        os.fsync(self.file.fileno())


class CheckpointWriter(TorchCheckpointIO):
    """Lightning's, but for local files without its copy in memory, and safe against a crash or a full disk.

    Lightning collects the whole checkpoint in memory first (1.6 GB for 135M parameters with AdamW's moments), and may
    move it over file systems, which is not atomic. Here it goes to a temporary file in the same folder, which takes the
    place of the old one when all of it is on the disk: whatever happens before leaves the old one as it was.
    """

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint.

        Args:
            checkpoint: What `torch.save` takes.
            path: The file; an address such as `s3://...` is left to Lightning.
            storage_options: Must be None, as for Lightning's own.

        Raises:
            DiskFull: If it does not fit on the disk; a checkpoint that was there before is intact.
            OSError: If it cannot be written for another reason; the same holds.
        """
        if storage_options is not None or "://" in str(path):
            super().save_checkpoint(checkpoint, str(path), storage_options)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f".{target.name}-*"):  # by a process that was killed while it wrote
            left.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb", buffering=0) as file:
                counted: Any = _Counted(file)
                torch.save(checkpoint, counted)
                counted.finish()
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(name, 0o666 & ~umask)  # a temporary file is its owner's only
            os.replace(name, target)
        except BaseException as error:
            Path(name).unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in FULL:
                raise DiskFull(target, counted.size, counted.written) from error
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name, too
        finally:
            os.close(folder)

    @override
    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint of tensors and plain values to the CPU; nothing in it can run, whoever says otherwise.

        Args:
            path: The file, or an address that Lightning knows.
            map_location: As for `torch.load`.
            weights_only: Taken for True in any case: what False allows could run any code.

        Raises:
            ValueError: If the file holds more than that, is cut off, or is no checkpoint.
        """
        try:
            return super().load_checkpoint(
                str(path), map_location or (lambda storage, _: storage), weights_only=True
            )
        except Exception as error:
            raise not_a_checkpoint(path, error) from error
