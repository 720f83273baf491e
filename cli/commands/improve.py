"""`patois improve`: train a model further on its own verified answers, round by round."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from callbacks.rows.rewards import REWARDS, check_reward
from cli.checks.early_check import check_command_line
from cli.checks.run_name import check_name
from cli.exit_status import UsageError
from cli.improving.fitting import Fit, run_fit
from cli.improving.inputs import check_columns
from cli.improving.job import Job, find_values, fit_settings
from cli.improving.origin import read_origin, refuse_own_flags
from cli.improving.rounds import improve
from cli.openmp import thread_settings
from cli.run.claim import Claim, describe_self
from configs.program import spell
from configs.yaml_text import write_yaml
from datamodules.sources.lookup import load_source
from datamodules.sources.tables.options import TableOptions
from lightning_modules.decoder.bases import FLAGSHIP

RUNS = Path("runs")
_GROUPS = ("data", "model", "trainer", "wandb", "checkpoint")
"""Groups of flags that go to the fits."""
_OF_TABLES = ("format", "task", "split_column", "val_source", "test_source")
"""Settings that no early check can judge: the files of format and tasks are written later, so that the columns are unknown."""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's own flags."""
    parser = argparse.ArgumentParser(
        description="Train a model further on its own verified answers. A round draws candidates for inputs with or without "
        "answers, keeps what a check passes, mixes it with real rows, and fits from the current weights. After a kill the same "
        "command goes on.",
        epilog="Other flags with a dot (--data.batch_size 16, --model.optimizer.lr 1e-4) go to the fits. --real 1 is the "
        "control: as many steps on real rows alone.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--model", type=Path, default=FLAGSHIP, help="a run or an exported folder; default: the shipped model"
    )
    parser.add_argument("--data.source", dest="source", metavar="TABLE",
                        help="the inputs, with answers or without; default: the model's own training rows")  # fmt: skip
    parser.add_argument("--task", help="the task to improve; default: the only one")
    parser.add_argument("--name", help="folder of the rounds, runs/NAME; their fits are runs/NAME-1, ...; default: "
                        "MODEL-improved")  # fmt: skip
    parser.add_argument("--reward", choices=list(REWARDS), default="right",
                        help="; ".join(f"{name}: {words}" for name, words in REWARDS.items()) + " (default: right)")  # fmt: skip
    parser.add_argument("--least", type=float, default=1.0,
                        help="the least reward of an answer that is kept (default: 1)")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="rounds in all (default: %(default)s)")
    parser.add_argument("--inputs", type=int, default=2000, help="inputs a round (default: %(default)s)")
    parser.add_argument(
        "--candidates", type=int, default=8, help="answers drawn an input (default: %(default)s)"
    )
    parser.add_argument("--temperature", type=float, default=1.0, help="of the draws (default: %(default)s)")
    parser.add_argument(
        "--top_p", type=float, default=1.0, help="nucleus of the draws (default: %(default)s)"
    )
    parser.add_argument("--real", type=float, default=0.5,
                        help="share of real rows in a fit, at least; 1 draws nothing (default: %(default)s)")  # fmt: skip
    parser.add_argument(
        "--steps", type=int, default=200, help="steps of a round's fit (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of inputs, draws and fits (default: %(default)s)"
    )
    return parser


def read_options(args: Sequence[str] | None) -> argparse.Namespace:
    """Return the flags; those of the fits are `flags`.

    Raises:
        UsageError: If a flag is unknown.
        ValueError: If a value cannot work.
    """
    options, others = make_parser().parse_known_args(args)
    for word in (word for word in others if word.startswith("-") and not word[1:2].isdigit()):
        if not word.startswith(tuple(f"--{group}." for group in _GROUPS)):
            raise UsageError(
                f"No flag is called {word.partition('=')[0]}; `{spell('improve', '--help')}` lists them."
            )
    options.flags = tuple(others)
    checks = {
        "rounds": (options.rounds >= 1, "1 or more"),
        "inputs": (options.inputs >= 1, "1 or more"),
        "candidates": (options.candidates >= 1, "1 or more"),
        "steps": (options.steps >= 1, "1 or more"),
        "seed": (options.seed >= 0, "0 or more"),
        "real": (0 <= options.real <= 1, "a share in [0, 1]"),
        "least": (0 < options.least <= 1, "above 0 and at most 1"),
        "temperature": (options.temperature > 0, "above 0"),
        "top_p": (0 < options.top_p <= 1, "above 0 and at most 1"),
    }
    for name, (holds, expected) in checks.items():
        if not holds:
            raise ValueError(f"Expected --{name} to be {expected}, but got {getattr(options, name)}.")
    return options


def make_job(options: argparse.Namespace, root: Path = RUNS) -> Job:
    """Return what the flags mean, checked before anything is written.

    Raises:
        ValueError: If something cannot work.
    """
    refuse_own_flags(options.flags)
    folder = options.model.expanduser()
    origin = read_origin(folder)
    name = (
        options.name
        or f"{folder.resolve().parent.name if folder.name == 'hf' else folder.resolve().name}-improved"
    )
    check_name(name)
    if (root / name / "config.yaml").is_file():
        raise ValueError(
            f"Expected {root / name} to hold rounds, but it is a run of its own: give another --name."
        )
    same = (
        "source",
        "rounds",
        "inputs",
        "candidates",
        "temperature",
        "top_p",
        "reward",
        "least",
        "real",
        "steps",
        "seed",
    )
    task = origin.find_task(options.task)
    job = Job(origin, task, root, name, flags=options.flags, **{one: getattr(options, one) for one in same})
    settings = fit_settings(job, 1, {}, job.steps, 1)
    for name in _OF_TABLES:
        settings["data"].pop(name, None)
    check_command_line(["fit", "--config", write_yaml(settings), *job.flags], root)
    if job.real < 1:
        check_reward(job.reward, task, has_answers(job))
    return job


def has_answers(job: Job) -> bool:
    """Return whether the inputs have answers beside them.

    Raises:
        ValueError: If there is no such table, or it has no inputs.
    """
    if job.source is None:
        return True
    values = find_values(job)
    options = TableOptions(values.get("data.header", "auto"), values.get("data.encoding", "auto"))
    return check_columns(job.task, load_source(job.source, options).table.column_names, job.source)


def main(args: Sequence[str] | None = None, fit: Fit = run_fit) -> None:
    """Run the rounds, and print a line for each.

    Raises:
        ValueError: If a flag cannot work, or a round fails.
    """
    os.environ.update(thread_settings())
    words = list(sys.argv[1:] if args is None else args)
    job = make_job(read_options(words))
    with Claim(job.folder, describe_self(["improve", *words])):
        done = improve(job, fit)
    for line in done:
        sys.stdout.write(f"{json.dumps(line)}\n")
    last = job.run(len(done))
    sys.stdout.write(f"Rounds: {job.folder}. Test the last one: {spell('test', '--ckpt_path', last)}\n")
