"""All rounds in one folder: each draws, checks, keeps and fits; the same command again goes on where it was stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from callbacks.loggers.terminal import say
from callbacks.rows.rewards import CheckedReward
from cli.improving.drawing import Sampling, draw_candidates
from cli.improving.fitting import Fit, fit_round, run_fit
from cli.improving.grounds import Grounds, read_grounds
from cli.improving.inputs import Questions, ask_table, ask_training_rows, choose_questions
from cli.improving.job import SEEDS, Job, fit_settings, open_folder, write_text
from cli.improving.keeping import count_candidates, find_kept, find_preference, make_rows, make_task
from cli.improving.mixing import count_wanted, mix_rows
from cli.improving.origin import describe_task
from configs.yaml_text import write_yaml
from datamodules.sources.lookup import load_source
from datamodules.storage.atomic_write import whole_binary_file
from datamodules.workers.worker_pool import WorkerPool

LINES = "rounds.jsonl"
_TELL_S = 15.0


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """Return the rounds that are done."""
    path = folder / LINES
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [json.loads(line) for line in text.splitlines()]


def improve(job: Job, fit: Fit = run_fit) -> list[dict[str, Any]]:
    """Run the rounds that are missing, and return a line for each round.

    Raises:
        ValueError: If a round keeps no row, or its fit fails.
    """
    open_folder(job)
    done = read_lines(job.folder)
    for number in range(len(done) + 1, job.rounds + 1):
        folder = job.folder / "rounds" / str(number)
        if not (folder / "fit.yaml").is_file():
            prepare_round(job, number, folder)
        gained = json.loads((folder / "yield.json").read_text(encoding="utf-8"))
        say(f"round {number} of {job.rounds}: {describe_yield(gained)}", error=True)
        began = time.monotonic()
        fit_round(job.run(number), folder / "fit.yaml", job.flags, fit)
        run = str(job.run(number))
        done.append(
            {"round": number, **gained, "fit_seconds": round(time.monotonic() - began, 1), "run": run}
        )
        write_text(job.folder / LINES, "".join(f"{json.dumps(line)}\n" for line in done))
    return done


def prepare_round(job: Job, number: int, folder: Path) -> None:
    """Write a round's kept rows, its yield and last the settings of its fit.

    Raises:
        ValueError: If no row is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    grounds = read_grounds(job)
    counts = grounds.count_training(job.origin.tasks)
    rows = max(job.steps * grounds.rows_a_step - len(counts), 1)  # rounding must not make one step more
    gained: dict[str, Any] = {}
    kept = 0
    table = folder / "kept.parquet"
    if job.real < 1:
        gained = keep_rows(job, number, folder, grounds, count_wanted(rows, job.real))
        kept = pq.read_metadata(table).num_rows
        write_text(folder / "kept.yaml", write_yaml(describe_task(make_task(job.task, str(table.resolve())))))
    mix = mix_rows(counts, job.origin.shares, kept, job.real, rows)
    gained |= {"kept_in_all": kept, "kept_share": round(mix.kept, 4), "rows": rows, "steps": job.steps}
    weights = {str(job.folder / "tasks" / f"{name}.yaml"): share for name, share in mix.weights.items()}
    if mix.kept:
        weights[str(folder / "kept.yaml")] = mix.kept
    write_text(folder / "yield.json", json.dumps(gained) + "\n")
    settings = fit_settings(job, number, weights, mix.epoch_rows, mix.epochs)
    if mix.kept:  # no other fit has these rows: 100 MB of the cache a round would serve nobody
        settings["data"]["cache"] = False
    write_text(folder / "fit.yaml", write_yaml(settings))


def keep_rows(job: Job, number: int, folder: Path, grounds: Grounds, most: int) -> dict[str, Any]:
    """Draw and check a round's candidates, and write the kept rows of this and earlier rounds; return the yield.

    Raises:
        ValueError: If neither this round nor an earlier one kept a row.
    """
    with WorkerPool() as pool:
        questions, left_out = choose_inputs(job, number, folder, grounds, pool)
        candidates, seconds = draw(job, number, folder, questions)
        kept = find_kept(candidates, job.least, find_preference(job.task, job.reward))
        earlier = job.folder / "rounds" / str(number - 1) / "kept.parquet"
        before = pq.read_table(earlier) if number > 1 else None
        identities = dict(enumerate(questions.identities))
        task = make_task(job.task, "kept.parquet")
        added, refused = make_rows(
            kept, identities, number, most, task, grounds.known, before, grounds.forbidden, pool
        )
    counts = count_candidates(candidates, job.least)
    gained = {
        **counts, "kept": len(added), "left_out": refused, "inputs_left_out": left_out, "draw_seconds": round(seconds, 1)
    }  # fmt: skip
    if not len(added) and (before is None or not len(before)):
        raise ValueError(
            f"Expected round {number} to keep answers, but it kept none ({describe_yield(gained)}): ask for more --inputs or "
            f"--candidates, give other inputs by --data.source, or start from a better model. Round {number} is drawn anew once "
            f"{folder} is removed."
        )
    with whole_binary_file(folder / "kept.parquet") as file:
        pq.write_table(added if before is None else pa.concat_tables([before, added]), file)
    return gained


def choose_inputs(
    job: Job, number: int, folder: Path, grounds: Grounds, pool: WorkerPool
) -> tuple[Questions, Mapping[str, int]]:
    """Return the questions of a round, and how many rows of their table are left out for which reason."""
    left_out: Mapping[str, int] = {}
    if job.source is None:
        questions = ask_training_rows(grounds.prepared, job.task)
    else:
        rows = load_source(job.source, grounds.options)
        questions, left_out = ask_table(job.task, rows, grounds.known, grounds.forbidden, pool)
    if not len(questions.inputs):
        raise ValueError(
            f"Expected inputs to ask, but {job.source or 'the training side'} has none ({describe_left_out(left_out)})."
        )
    return choose_questions(questions, number, job.inputs, job.seed), left_out


def draw(job: Job, number: int, folder: Path, questions: Questions) -> tuple[pa.Table, float]:
    """Return the candidates of a round with their rewards, and the seconds that they took."""
    from cli.asking.find import describe
    from cli.asking.model import Model

    def load() -> Model:
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        return Model(describe(job.weights(number)), device)

    told = time.monotonic()

    def tell(inputs: int) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_S:
            told = time.monotonic()
            say(
                f"round {number}: {inputs:,} of {len(questions.inputs):,} inputs have their candidates",
                error=True,
            )

    reward = CheckedReward(job.reward)
    sampling = Sampling(job.candidates, job.temperature, job.top_p, SEEDS * job.seed + number)
    try:
        return draw_candidates(folder / "candidates", questions, job.task, sampling, reward, load, tell)
    finally:
        reward.calls.close()


def describe_left_out(counts: Mapping[str, int]) -> str:
    """Return the rows that are left out, for people.

    Examples:
        >>> describe_left_out({"held_out": 1200, "repeated": 0})
        '1,200 held out'
    """
    return (
        ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count)
        or "none left out"
    )


def describe_yield(gained: Mapping[str, Any]) -> str:
    """Return a round's yield, for people.

    Examples:
        >>> describe_yield({"rows": 320, "steps": 10})
        'real rows only, 320 in 10 steps'
    """
    if "inputs" not in gained:
        return f"real rows only, {gained['rows']:,} in {gained['steps']:,} steps"
    counts = {name: f"{value:,}" for name, value in gained.items() if isinstance(value, int)}
    return (
        "{inputs} inputs, {candidates} candidates, {distinct} distinct, {passed} passed; inputs all right {all_right}, mixed "
        "{mixed}, all wrong {all_wrong}; kept {kept}".format(**counts)
        + f" ({describe_left_out(gained['left_out'])}); of the table {describe_left_out(gained['inputs_left_out'])}"
    )
