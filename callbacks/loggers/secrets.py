"""Remove secrets from all that leaves the process: logged settings, files, standard output and error (docs/pitfalls.md 26)."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

HIDDEN = "(hidden)"

# `token` alone or after a prefix that makes it a credential; `pad_token` or `max_tokens` are settings.
_SECRET_NAME = re.compile(
    r"(^|[_.-])(api[_-]?key|access[_-]?key|private[_-]?key|secret|secrets|passwd|password|passphrase|credentials?"
    r"|authorization|cookie)($|[_.-])"
    r"|^((.*[_.-])?(hf|hub|huggingface|access|auth|api|wandb|github|gitlab|bearer|refresh|session|identity)[_-]?)?"
    r"token$",
    re.IGNORECASE,
)
# A W&B key of 40 hexadecimal digits looks like a commit hash, so only its name or variable identifies it.
_SECRET_TEXT = re.compile(
    r"hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|sk-[\w-]{20,}"
    r"|wandb_v\d_\w{20,}|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{35}|xox[abeoprs]-[\w-]{10,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}"  # JSON web tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|(?<=Bearer )\S{8,}|(?<=Basic )[A-Za-z0-9+/=]{12,}"
    r"|(?<=://)[^/\s@]+(?=@)",  # user and password in a URL
    re.DOTALL,
)
_QUERY = re.compile(r"([?&;]([\w.~-]+)=)[^&;#\s'\"]+")
_SHORT_QUERY_NAMES = ("key", "sig", "signature", "x-amz-signature", "x-goog-signature")
_SHORTEST = 8  # a value such as `1` or `true` is no secret, and hiding it would hide half the configuration
_from_command_line: list[str] = []


def environment_secrets() -> list[str]:
    """Return the values of environment variables with secret names, longest first."""
    found = {
        value
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST
        and (_SECRET_NAME.search(name) or name.upper().endswith(("_TOKEN", "_KEY", "_PASS", "_PWD")))
    }
    return sorted(found, key=len, reverse=True)


def hide_secrets(value: Any, known: Sequence[str] | None = None) -> Any:
    """Return a copy of nested settings, or of a text, in which secrets are replaced by `(hidden)`.

    It hides values under names such as `api_key`, `password` or `hf_token`; the values of secret environment variables
    anywhere in a text; texts shaped like well-known keys; and in a URL the user, the password, and parameters with secret
    names.

    Args:
        value: Mappings, lists, tuples and texts; any other value is returned unchanged.
        known: Further secrets to hide in texts; default: those of the environment.

    Examples:
        >>> hide_secrets({"lr": 0.001, "api_key": "abc"}, known=[])
        {'lr': 0.001, 'api_key': '(hidden)'}
        >>> hide_secrets("https://me:secret@example.org/a.csv?token=abc&page=2", known=[])
        'https://(hidden)@example.org/a.csv?token=(hidden)&page=2'
    """
    known = environment_secrets() if known is None else known
    if isinstance(value, Mapping):
        return {
            hide_secrets(key, known): HIDDEN if item and _is_secret(str(key)) else hide_secrets(item, known)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide_secrets(item, known) for item in value]
    if isinstance(value, str):
        for secret in known:
            value = value.replace(secret, HIDDEN)
        value = _SECRET_TEXT.sub(HIDDEN, value)
        return _QUERY.sub(_hide_parameter, value) if "=" in value else value
    return value


def drop_hidden(settings: Any) -> Any:
    """Return settings without the secrets that `hide_secrets` hid under secret names: their place-holder is no value.

    Examples:
        >>> drop_hidden({"name": "a", "logger": {"api_key": "(hidden)", "offline": True}, "(hidden)": 1})
        {'name': 'a', 'logger': {'offline': True}}
    """
    if isinstance(settings, Mapping):
        return {
            key: drop_hidden(item)
            for key, item in settings.items()
            if key != HIDDEN and not (item == HIDDEN and _is_secret(str(key)))
        }
    return [drop_hidden(item) for item in settings] if isinstance(settings, list) else settings


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _hide_parameter(found: re.Match[str]) -> str:
    """Return `?name=value` of a URL, with the value hidden if the name is secret."""
    secret = _is_secret(found[2]) or found[2].lower() in _SHORT_QUERY_NAMES
    return found[1] + HIDDEN if secret else found[0]


def hide_in_words(args: Sequence[str], known: Sequence[str] | None = None) -> list[str]:
    """Return command-line arguments with secrets hidden, including values after `--password` and `--password=`.

    Examples:
        >>> hide_in_words(["fit", "--password", "swordfish", "--name", "mine", "--wandb.api_key=abc"], known=[])
        ['fit', '--password', '(hidden)', '--name', 'mine', '--wandb.api_key=(hidden)']
    """
    hidden: list[str] = []
    for arg in args:
        flag, equals, _ = arg.partition("=")
        before = args[len(hidden) - 1] if hidden else ""
        if equals and flag.startswith("-") and _is_secret(flag):
            hidden.append(f"{flag}={HIDDEN}")
        elif before.startswith("-") and "=" not in before and _is_secret(before):
            hidden.append(HIDDEN)
        else:
            hidden.append(hide_secrets(arg, known))
    return hidden


def hide_in_output(args: Sequence[str] = ()) -> None:
    """Hide secrets in everything that this process writes to standard output and error, including tracebacks.

    Call it again after a library has wrapped the streams (W&B does, to record the output), so that the wrapper sees no
    secrets either.

    Args:
        args: Command-line arguments; the value of a flag such as `--password` is treated as a secret from now on.
    """
    for arg, clean in zip(args, hide_in_words(args), strict=True):
        secret = arg.partition("=")[2] if clean.endswith(f"={HIDDEN}") else arg
        if clean.endswith(HIDDEN) and len(secret) >= _SHORTEST:
            _from_command_line.append(secret)
    for stream in (sys.stdout, sys.stderr):
        _hide_in(stream, [*environment_secrets(), *_from_command_line])


def _hide_in(stream: TextIO, known: list[str]) -> None:
    inner = stream.write
    if getattr(inner, "hides_secrets", False):
        return

    def write(text: str, /) -> int:
        inner(hide_secrets(text, known))
        return len(text)

    write.hides_secrets = True  # type: ignore[attr-defined]
    stream.write = write  # type: ignore[method-assign]
