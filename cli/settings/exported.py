"""`predict --ckpt_path FOLDER` of an exported folder without its run: what its patois.json says becomes flags."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.argv import flag_value, without_flag
from cli.checks.checkpoint_path import has_checkpoint, is_export
from configs.program import spell

if TYPE_CHECKING:
    from datamodules.tasks import Task

_OF_TASKS = ("--data.task", "--data.input_column", "--data.output_column")


def take_export(args: Sequence[str]) -> list[str]:
    """Return a command line with an exported folder as its base, if its run's checkpoints are not beside it.

    Args:
        args: The command line.

    Raises:
        ValueError: If the folder alone cannot do what is asked.
    """
    given = flag_value(args, "--ckpt_path")
    folder = Path(given or "").expanduser()
    if given is None or args[0] == "fit" or not is_export(folder) or has_checkpoint(folder):
        return list(args)
    if args[0] != "predict":
        raise ValueError(
            f"--ckpt_path {given!r}: expected a run, whose rows {args[0]} evaluates, but got an exported folder without one: "
            "give runs/NAME."
        )
    from datamodules.formats import load_format  # loads rdkit and pyarrow
    from datamodules.texts.asking import FILE, load_asking, load_parts

    asking = load_asking(folder)
    ask = f"`{spell('ask', '--model', given)}` answers texts"
    if asking is None:
        raise ValueError(
            f"--ckpt_path {given!r}: expected a run or a folder that a fit exported, but it has no {FILE}: give --model.base "
            f"{given} with --data.task and --data.format in place of --ckpt_path."
        )
    if asking.shots:
        raise ValueError(
            f"--ckpt_path {given!r}: expected its run, since --data.shots {asking.shots} puts rows of the training table before "
            "each question, but the folder stands alone: give runs/NAME."
        )
    try:
        is_known = load_format(asking.form.name) == asking.form
    except ValueError:
        is_known = False
    tasks = [task for one in (asking, *load_parts(folder).values()) for task in one.tasks]
    of_tasks = [] if any(flag_value(args, flag) for flag in _OF_TASKS) else spell_tasks(tasks)
    of_format = ["--data.format", asking.form.name] if is_known else []
    if of_tasks is None or not (of_format or flag_value(args, "--data.format")):
        what = "tasks" if of_tasks is None else "format"
        raise ValueError(
            f"--ckpt_path {given!r}: expected {what} that flags can name, but those of its {FILE} are others: give its run "
            f"(runs/NAME), or the YAML file by --data.{what.removesuffix('s')}; {ask}."
        )
    return [
        args[0],
        "--model.base",
        str(folder),
        *of_tasks,
        *of_format,
        *without_flag(args[1:], "--ckpt_path"),
    ]


def spell_tasks(tasks: Sequence[Task]) -> list[str] | None:
    """Return the flags that mean some tasks: names of task files, or a table's columns; None if no flags do."""
    from datamodules.flag_tasks import choose_tasks

    first, outputs = tasks[0], [task.output for task in tasks]
    notations = [side.notation if len(tasks) == 1 else f"{side.column}:{side.notation}" for side in outputs]
    columns = [
        "--data.input_column", first.input.column, "--data.input_notation", first.input.notation,
        "--data.output_column", ",".join(side.column for side in outputs), "--data.output_notation", ",".join(notations),
    ]  # fmt: skip
    choices = first.choices.options if len(tasks) == 1 and first.choices is not None else None
    if choices:
        columns += ["--data.choices", ",".join(choices)]
    if len(tasks) == 1 and first.output.digits is not None:
        columns += ["--data.digits", str(first.output.digits)]
    known: dict[str, Any] = {
        flag.removeprefix("--data."): value for flag, value in zip(columns[::2], columns[1::2], strict=True)
    }
    known |= {"choices": choices, "digits": first.output.digits} if len(tasks) == 1 else {}
    names = ",".join(task.name for task in tasks)
    candidates: list[tuple[list[str], dict[str, Any]]] = [
        (["--data.task", names], {"task": names}),
        (columns, {"task": None, **known}),
    ]
    for flags, values in candidates:
        with contextlib.suppress(ValueError):
            if choose_tasks(**values)[0] == list(tasks):
                return flags
    return None
