"""The flags people need, in order of use: what `--help` shows; `--help-all` shows every flag."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

GROUPS: dict[str, tuple[str, ...]] = {
    "your data": (
        "name", "data.task", "data.source", "data.input_column", "data.output_column", "data.input_notation",
        "data.output_notation", "data.format", "data.split", "data.train_rows", "data.max_length", "data.shots",
    ),
    "the model and its training": (
        "model.base", "model.peft.rank", "model.trainable", "model.add_tokens", "model.optimizer.lr", "data.batch_size",
        "trainer.accumulate_grad_batches", "trainer.max_epochs", "trainer.max_time", "trainer.precision", "trainer.devices",
        "model.compile", "data.packing", "seed_everything",
    ),
    "answers": (
        "data.predict_path", "data.predict_shard", "output", "data.eval_batch_size", "model.generation.max_new_tokens",
        "model.generation.strategy",
        "model.generation.candidates", "model.generation.only_valid", "model.generation.abstain_below",
    ),
    "going on, logging, files": ("ckpt_path", "checkpoint.minutes", "wandb.project", "wandb.offline", "config", "print_config"),
}  # fmt: skip
"""The flags by what they are about, without their dashes."""
_OF_FIT = {
    "data.train_rows", "model.peft.rank", "model.trainable", "model.add_tokens", "model.optimizer.lr", "data.batch_size",
    "trainer.accumulate_grad_batches", "trainer.max_epochs", "trainer.max_time", "model.compile", "data.packing",
    "checkpoint.minutes",
}  # fmt: skip
_OF_ROWS = {
    "data.source",
    "data.split",
    "data.input_notation",
    "data.output_notation",
    "data.max_length",
    "data.shots",
}
_OF_ANSWERS = {"data.predict_path", "data.predict_shard", "output"}
_CANDIDATES = {"model.generation.candidates", "model.generation.abstain_below"}
LEFT_OUT: dict[str, set[str]] = {
    "fit": _OF_ANSWERS | _CANDIDATES,
    "validate": {*_OF_FIT, *_OF_ANSWERS, *_CANDIDATES},
    "test": {*_OF_FIT, *_OF_ANSWERS},
    "predict": {*_OF_FIT, *_OF_ROWS, "seed_everything", "wandb.project", "wandb.offline"},
    "show": {
        *(_OF_FIT - {"data.train_rows", "model.add_tokens"}),
        *GROUPS["answers"],
        "trainer.precision",
        "trainer.devices",
        "wandb.project",
        "wandb.offline",
    },
}
"""Flags that change nothing of a subcommand, or that a run which is asked has settled."""
ABOUT = {
    "fit": "Fine-tune a base on a table of pairs; it evaluates after each epoch and exports the best weights.",
    "validate": "Evaluate a run on its validation rows.",
    "test": "Evaluate a run on its test rows, and compare it with baselines.",
    "predict": "Answer the rows of a file, by a run or by the model that ships.",
    "show": "Print training rows as the model reads them; trains nothing.",
}
TEXTS = {
    "model.peft.rank": "Train LoRA adapters of this rank instead of all weights; see --model.peft.help.",
    "model.optimizer.lr": "Learning rate; default: the base's own.",
    "trainer.precision": "32-true, bf16-mixed, 16-mixed, ...; default: bf16-mixed where the device has units for it.",
    "trainer.devices": "Number of devices, or auto for all of the machine.",
    "trainer.accumulate_grad_batches": "Batches per optimizer step.",
    "trainer.max_time": "Stop after this time, DD:HH:MM:SS.",
    "trainer.max_epochs": "Stop after so many epochs.",
    "seed_everything": "Seed of order, phrasing and random numbers.",
    "ckpt_path": "The run to go on with (fit) or to ask: runs/NAME, a checkpoint in it, or `last` for the latest run.",
    "config": "A YAML file of flags; several are stacked.",
    "print_config": "Print the configuration and do nothing.",
}
"""Texts in place of the parser's."""
WIDTH, INDENT = 80, 30


def first_sentence(text: str) -> str:
    """Return a help text up to the end of its first sentence, without its default, which stands behind it.

    Examples:
        >>> first_sentence("Rows per step, e.g. 16, on each rank. More follows.")
        'Rows per step, e.g. 16, on each rank.'
    """
    text = " ".join(re.sub(r"\s*Defaults?:? (to )?``.*?``\.", "", text).split())
    return re.split(r"(?<=[.)])(?<!e\.g\.)\s+(?=[A-Z`])", text, maxsplit=1)[0]


def arrange_groups(command: str) -> list[tuple[str, Sequence[str]]]:
    """Return the groups in the order of use: who asks a run gives questions and the run, and seldom more.

    Examples:
        >>> [title for title, _ in arrange_groups("predict")]
        ['answers', 'going on, logging, files', 'your data', 'the model']
    """
    if command in ("fit", "show"):
        return list(GROUPS.items())
    data, model, answers, files = GROUPS.items()
    return [answers, files, data, ("the model", model[1])]


def short_page(command: str, texts: Mapping[str, str], defaults: Mapping[str, object], program: str) -> str:
    """Return the short page of a subcommand.

    Args:
        command: The subcommand.
        texts: The help text of each of its flags.
        defaults: The default of each flag that has one.
        program: The program's name.
    """
    lines = [f"usage: {program} {command} [flags]", "", *textwrap.wrap(ABOUT[command], WIDTH)]
    if asks := command not in ("fit", "show"):
        lines += ["What is not given is as in the run that is asked."]
    # `model.optimizer.lr` is a setting of the class that the flag `model.optimizer` names.
    own = {flag: text for flag, text in TEXTS.items() if {flag, flag.rpartition(".")[0]} & set(texts)}
    texts = {**texts, **own}
    for title, flags in arrange_groups(command):
        shown = [flag for flag in flags if flag in texts and flag not in LEFT_OUT[command]]
        lines += ["", f"{title}:"] if shown else []
        for flag in shown:
            default = None if asks and flag.startswith(("data.", "model.")) else defaults.get(flag)
            known = "" if default in (None, "", []) or isinstance(default, dict) else f" (default: {default})"
            lines += _entry(f"--{flag}", first_sentence(texts[flag]) + known)
    lines += ["", "more:", *_entry("--quiet", "Print only errors and the last line.")]
    lines += _entry("--help-all", "Show every flag, with its type and default.")
    lines += ["", "docs/flags.md explains them. A flag's value follows it: --data.batch_size 16.", ""]
    return "\n".join(lines)


def _entry(flag: str, text: str) -> list[str]:
    wrapped = textwrap.wrap(text, WIDTH - INDENT, break_long_words=False, break_on_hyphens=False)
    head = f"  {flag}"
    first = (
        [f"{head.ljust(INDENT)}{wrapped[0]}"] if len(head) < INDENT - 1 else [head, " " * INDENT + wrapped[0]]
    )
    return [*first, *(" " * INDENT + line for line in wrapped[1:])]
