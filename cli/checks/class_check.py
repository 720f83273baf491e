"""Refuse classes without an argument that they need, and what callbacks monitor that no run logs, before PyTorch is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cli.checks.flag_check import find_class
from cli.checks.flag_list import FlagList
from cli.checks.flag_words import Word
from cli.exit_status import UsageError
from configs.lookup import suggest

_OURS = ("callbacks.", "lightning.", "lightning_modules.")
_MONITORS = {"trainer.callbacks.monitor": "trainer.callbacks", "model.scheduler.monitor": "model.scheduler"}
HEADLINE = "headline"
"""`MONITOR` of `callbacks.rows.headlines`, which loads NumPy."""
_OR_HEADLINE = {"trainer.callbacks": f", or {HEADLINE}, that of the tasks"}
_MODES = ("min", "max")
_GIVEN = ("dirpath",)
"""Arguments that the program sets: the run's folder."""
_TAKE_CLASSES = ("trainer.callbacks", "model.scheduler", "model.optimizer")
"""Flags whose classes get no argument from this program but what it trains; loggers and profilers get their folder."""


def check_required(command: str, words: Sequence[Word], listed: FlagList) -> None:
    """Raise UsageError if a flag names a class and no flag behind it gives an argument that the class needs.

    Args:
        command: The subcommand.
        words: Its flags.
        listed: All flags.
    """
    if not listed.is_current():
        return
    flags = listed.flags[command]
    for place, word in enumerate(words):
        name = word.flag.removesuffix(".class_path")
        flag = flags.get(name)
        if name not in _TAKE_CLASSES or flag is None or word.value is None or not _is_name(word.value):
            continue
        path = find_class(word.value, flag.classes)
        given = set(_arguments_behind(name, words[place + 1 :]))
        missing = [one for one in listed.required.get(path or "", ()) if one not in (*given, *_GIVEN)]
        if path is not None and missing and "init_args" not in given and "dict_kwargs" not in given:
            hints = {"trainer.callbacks": HEADLINE, "model.scheduler": "val/loss"}
            hint = hints.get(name, "...") if missing[0] == "monitor" else "..."
            raise UsageError(
                f"--{name} {path.rpartition('.')[2]} needs {' and '.join(missing)}: add --{name}.{missing[0]} {hint} behind it."
            )


def _is_name(value: str) -> bool:
    return all(part.isidentifier() for part in value.split("."))


def _arguments_behind(name: str, words: Iterable[Word]) -> Iterable[str]:
    """Yield the arguments that flags give to a class, up to the next class for the same flag."""
    for word in words:
        if word.flag in (name, f"{name}.class_path"):
            return
        if word.flag.startswith(f"{name}."):
            rest = word.flag.removeprefix(f"{name}.")
            yield rest
            yield rest.removeprefix("init_args.").split(".")[0]


def check_monitored(words: Sequence[Word], values: Mapping[str, Any], listed: FlagList) -> None:
    """Raise ValueError if a flag monitors a metric that no run logs, or monitors in a way that does not exist.

    Classes of the user's own may log what they like: where one is named, nothing is refused. `cli.trainer.monitor_check`
    looks at the callbacks themselves once they are made.

    Args:
        words: The flags.
        values: The settings by flag.
        listed: All flags.
    """
    for flag, owner in _MONITORS.items():
        mode = values.get(f"{owner}.mode")
        if isinstance(mode, str) and mode not in _MODES:
            raise ValueError(
                f"Expected --{owner}.mode to be min or max, but got {mode!r}.{suggest(mode, list(_MODES))}"
            )
        monitor = values.get(flag)
        if not isinstance(monitor, str) or not listed.metrics or _has_own_classes(words, values):
            continue
        if monitor == HEADLINE and owner != "trainer.callbacks":
            raise ValueError(
                f"Expected --{flag} to be a metric that the run logs, such as val/loss, but got {monitor!r}: only callbacks "
                "monitor the headline of the tasks."
            )
        stage, _, rest = monitor.partition("/")
        last = rest.rpartition("/")[2]
        if (stage == "val" and last in listed.metrics) or monitor.startswith("train/") or "/" not in monitor:
            continue  # the callbacks themselves decide
        near = suggest(last, list(listed.metrics)).replace("'", "")
        hint = near.replace("Did you mean ", "Did you mean val/") if near else " docs/metrics.md lists all."
        raise ValueError(
            f"Expected --{flag} to be a metric that the run logs, such as val/exact_match{_OR_HEADLINE.get(owner, '')}, but got "
            f"{monitor!r}.{hint}"
        )


def _has_own_classes(words: Sequence[Word], values: Mapping[str, Any]) -> bool:
    named: list[Any] = [
        word.value for word in words if word.flag in ("trainer.callbacks", "trainer.callbacks.class_path")
    ]
    if isinstance(configured := values.get("trainer.callbacks"), list):
        named += [one.get("class_path") for one in configured if isinstance(one, Mapping)]
    texts = [one for one in named if isinstance(one, str)]
    return any(("." in one or "{" in one) and not one.startswith(_OURS) for one in texts)
