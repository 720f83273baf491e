"""Take secrets out of settings before they are logged anywhere (PITFALLS 26). Pure functions."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(hidden)"

# `token` alone, or with a word that makes it a credential: `pad_token` or `max_tokens` are settings.
_SECRET_NAME = re.compile(
    r"(^|[_.-])(api[_-]?key|access[_-]?key|private[_-]?key|secret|secrets|passwd|password|passphrase|credentials?"
    r"|authorization|cookie)($|[_.-])"
    r"|^((.*[_.-])?(hf|hub|huggingface|access|auth|api|wandb|github|gitlab|bearer|refresh|session|identity)[_-]?)?"
    r"token$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|sk-[\w-]{20,}"
    r"|wandb_v\d_\w{20,}|AKIA[0-9A-Z]{16}|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
)
_SHORTEST = 8  # a variable that holds `1` or `true` is no secret, and hiding it would hide half the config


def environment_secrets() -> list[str]:
    """Return the values of environment variables whose names say that they are secret, longest first."""
    found = {
        value
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST
        and (_SECRET_NAME.search(name) or name.upper().endswith(("_TOKEN", "_KEY")))
    }
    return sorted(found, key=len, reverse=True)


def hide_secrets(value: Any, known: list[str] | None = None) -> Any:
    """Return a copy of nested settings in which secrets are replaced by `(hidden)`.

    Hidden are: values under names such as `api_key`, `password` or `hf_token`; the values of the secret
    environment variables wherever they occur in a text; texts shaped like well-known keys; and the user and
    password in a URL.

    Args:
        value: Mappings, lists, tuples, texts and anything else, which is returned as it is.
        known: Further secrets to hide in texts; by default those of the environment.
    """
    known = environment_secrets() if known is None else known
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if item and _SECRET_NAME.search(str(key)) else hide_secrets(item, known)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide_secrets(item, known) for item in value]
    if isinstance(value, str):
        for secret in known:
            value = value.replace(secret, HIDDEN)
        return _SECRET_TEXT.sub(HIDDEN, value)
    return value
