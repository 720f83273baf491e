"""Write checkpoints straight to their file, whole or not at all, and read nothing from them but values."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from typing_extensions import override

from callbacks.run_facts import not_a_checkpoint


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
            OSError: If the disk is full or the folder cannot be written; a checkpoint that was there before is intact.
        """
        if storage_options is not None or "://" in str(path):
            super().save_checkpoint(checkpoint, str(path), storage_options)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(name, 0o666 & ~umask)  # a temporary file is its owner's only
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
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
