"""Read flags from command-line arguments before the parser does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from configs.lookup import CONFIGS, load_yaml
from lightning_modules.decoder.bases import learning_rate_of


def flag_values(args: Sequence[str], flag: str) -> list[str]:
    """Return the values of every `--flag value` and `--flag=value`, in order.

    Examples:
        >>> flag_values(["fit", "--config", "a.yaml", "--config=b.yaml"], "--config")
        ['a.yaml', 'b.yaml']
    """
    values = []
    for place, arg in enumerate(args):
        if arg == flag and place + 1 < len(args):
            values.append(args[place + 1])
        elif arg.startswith(f"{flag}="):
            values.append(arg.split("=", 1)[1])
    return values


def flag_value(args: Sequence[str], flag: str) -> str | None:
    """Return the value of the last `--flag value` or `--flag=value`, or None.

    Examples:
        >>> flag_value(["fit", "--name", "first", "--name=last"], "--name"), flag_value(["fit"], "--name")
        ('last', None)
    """
    values = flag_values(args, flag)
    return values[-1] if values else None


def without_flag(args: Sequence[str], flag: str) -> list[str]:
    """Return the arguments without any `--flag value` or `--flag=value`.

    Examples:
        >>> without_flag(["fit", "--name", "mine", "--data.task", "a", "--name=other"], "--name")
        ['fit', '--data.task', 'a']
    """
    kept, skip = [], False
    for arg in args:
        if not skip and arg != flag and not arg.startswith(f"{flag}="):
            kept.append(arg)
        skip = arg == flag and not skip
    return kept


def base_of(args: Sequence[str]) -> str:
    """Return the base that a command line selects, by its flag or by the last configuration file that names one.

    Examples:
        >>> base_of(["fit", "--model.base", "gpt2"]), base_of(["fit"])
        ('gpt2', 'bundled')
    """
    given = flag_value(args, "--model.base")
    if given is not None:
        return given
    files = [str(CONFIGS / "default.yaml"), *flag_values(args, "--config"), *flag_values(args, "-c")]
    named = [(load_yaml(Path(file)).get("model") or {}).get("base") for file in files if Path(file).is_file()]
    return next(base for base in reversed(named) if base is not None)


def asks_flagship(args: Sequence[str]) -> bool:
    """Return whether a command line uses the shipped model: `predict` or `test` without a checkpoint, base or file.

    Examples:
        >>> asks_flagship(["predict", "--data.predict_path", "new.csv"]), asks_flagship(["test", "--model.base", "gpt2"])
        (True, False)
    """
    named = ("--ckpt_path", "--model.base", "--config", "-c")
    return args[:1] in (["predict"], ["test"]) and all(flag_value(args, flag) is None for flag in named)


def base_rate(args: Sequence[str]) -> float | None:
    """Return the learning rate for fine-tuning the base of a command line, or None to keep the configured rate."""
    return learning_rate_of(base_of(args))
