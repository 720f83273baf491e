"""`patois ask CCO`: a line of answer for each text, from words or standard input."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from callbacks.loggers.terminal_text import printable
from callbacks.rows.check_words import name_check
from cli.openmp import thread_settings
from lightning_modules.decoder.bases import FLAGSHIP

if TYPE_CHECKING:
    from cli.asking.answers import Answer
    from cli.asking.model import Model

_LENIENT = ("text", "iupac")
"""Notations that accept nearly any text."""
BLOCK = 0.5
"""The default share of blocked positions."""


def read_lines(words: Sequence[str]) -> list[str]:
    """Return the texts to ask: the words, or the lines of standard input.

    Raises:
        ValueError: If there is none.
    """
    if words:
        return list(words)
    lines = [] if sys.stdin.isatty() else [line.strip() for line in sys.stdin]
    if not any(lines):
        raise ValueError(
            "Expected texts to ask, such as `ask CCO`, or lines on standard input, but got none."
        )
    return [line for line in lines if line]


def choose_task(model: Model, texts: Sequence[str]) -> str:
    """Return the only task, or of several the first whose input notation accepts the first text; strict notations first."""
    from cli.asking.model import read_questions

    tasks = sorted(
        model.tasks.values(),
        key=lambda task: task.input.mask != "spans" and task.input.shown_notation in _LENIENT,
    )
    for task in tasks:
        if len(tasks) == 1 or read_questions(model.calls, task, texts[:1])[0].error is None:
            return task.name
    return tasks[0].name


def show(text: str, answer: Answer) -> str:
    """Return a line for a person.

    >>> from cli.asking.answers import Answer
    >>> show("CCO", Answer("ethanol", 0.934, True, "back", None))
    'CCO -> ethanol  (probability 0.93, verified: back)'
    >>> show("CCO", Answer("ethanal", 0.5, True, "", None))
    'CCO -> ethanal  (probability 0.50, well-formed, not verified)'
    >>> show("CCO", Answer("eth", 0.5, False, "", "cut at 2 tokens"))
    'CCO -> eth  (probability 0.50, cut at 2 tokens)'
    >>> show("C1CC", Answer(None, None, False, "", "not a valid SMILES: unclosed ring"))
    'C1CC: not a valid SMILES: unclosed ring'
    """
    if answer.text is None or answer.probability is None:
        return f"{printable(text)}: {answer.why}"
    verified = name_check(answer.valid, answer.verified, answer.why)
    return (
        f"{printable(text)} -> {printable(answer.text)}  (probability {answer.probability:.2f}, {verified})"
    )


def main(args: Sequence[str] | None = None) -> None:
    """Answer the texts and print a line an answer."""
    parser = argparse.ArgumentParser(description="Ask a trained model; a line of answer for each text.")
    parser.add_argument("texts", nargs="*", help="texts to answer; default: the lines of standard input")
    parser.add_argument(
        "--model",
        type=Path,
        help="a run, a checkpoint or an exported folder; default: the shipped model",
    )
    parser.add_argument(
        "--task", help="one of the model's tasks; default: the one whose input the first text can be"
    )
    parser.add_argument(
        "--condition",
        help="the condition to answer in, such as openeye for the style of a name; default: the task's",
    )
    parser.add_argument(
        "--wordings",
        type=int,
        metavar="N",
        help="ask N times for another wording of each text, and print those that mean the same (tasks of one notation)",
    )
    parser.add_argument(
        "--block",
        type=float,
        default=BLOCK,
        help="with --wordings: the share of the text's positions whose next token is forbidden (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object an answer and line")
    options = parser.parse_args(args)
    texts = read_lines(options.texts)
    from cli.asking.find import describe  # from here on, since a mistake above needs no RDKit
    from cli.asking.model import Model
    from cli.asking.wordings import reword

    described = describe(FLAGSHIP if options.model is None else options.model.expanduser())
    os.environ.update(thread_settings())
    from transformers.utils import logging

    logging.set_verbosity_error()
    model = Model(described)
    task = options.task or choose_task(model, texts)
    if options.task is None and len(model.tasks) > 1:
        others = ", ".join(name for name in model.tasks if name != task)
        sys.stderr.write(f"Asked as {task}; others by --task: {others}.\n")
    answered = (
        [[answer] for answer in model.predict(texts, task, condition=options.condition)]
        if options.wordings is None
        else reword(model, texts, task, options.wordings, options.block, condition=options.condition)
    )
    for text, answer in ((text, one) for text, ones in zip(texts, answered, strict=True) for one in ones):
        line = (
            json.dumps(
                {"input": text, **answer._asdict(), "probabilities": dict(answer.probabilities)},
                ensure_ascii=False,
            )
            if options.json
            else show(text, answer)
        )
        sys.stdout.write(f"{line}\n")
    model.calls.close()
