"""Read flags from command-line arguments before the parser does."""

from __future__ import annotations

from collections.abc import Sequence


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


def asks_for_help(args: Sequence[str]) -> bool:
    """Return whether a command line asks for flags or settings to be shown, so that nothing runs.

    Examples:
        >>> asks_for_help(["fit", "--model.optimizer.help", "AdamW"]), asks_for_help(["fit", "--name", "help"])
        (True, False)
    """
    return any(
        arg == "-h" or arg.endswith(("--help", ".help")) or arg.startswith("--print_config") for arg in args
    )
