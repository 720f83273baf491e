"""Read what a run's folder holds, as the page needs it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from callbacks.reports.epoch_table import FILE as EPOCHS
from callbacks.reports.epoch_table import read_metrics, summarize_epochs
from callbacks.reports.page.tally import Line, Tally, tally
from callbacks.run.command_record import read_record
from configs.lookup import load_yaml
from datamodules.storage.safe_csv import iterate_csv, read_csv

SIDES = {"fit": "", "validate": "validate", "test": "test"}
"""The subcommands whose output is shown, and their folders in the run's."""
REPORTS = ("error_classes", "strata", "calibration", "abstaining", "rerank")
"""The tables of `validate` and `test` that are shown."""


class Side(NamedTuple):
    """What one subcommand wrote."""

    name: str
    place: str
    """Its folder, as a user types it."""
    summary: Mapping[str, Any]
    """Its part of summary.json; empty if it has not ended."""
    record: Mapping[str, Any]
    """Its `made_by.json`; empty if it has none."""
    table: str
    """The file of the shown predictions, relative to the folder; empty without any."""
    predictions: Tally
    """What is counted and shown of them."""
    reports: Mapping[str, Sequence[Line]]
    audit: Mapping[str, Mapping[str, int]]
    data: Mapping[str, Any]
    """Its data.json: counts of rows."""
    set_aside: Sequence[Line]


class RunFiles(NamedTuple):
    """What a run's folder holds."""

    name: str
    place: str
    """The folder, as a user types it: `runs/NAME`."""
    settings: Mapping[str, Any]
    """Its config.yaml; empty for a run without a fit."""
    losses: Sequence[tuple[float, float]]
    """(step, loss) as logged in training."""
    epochs: Sequence[Mapping[str, float]]
    """The lines of epochs.csv, without the empty cells."""
    sides: Sequence[Side]
    has: frozenset[str]
    """The checkpoints and exports that are there."""


def read_run(run: Path) -> RunFiles:
    """Return what a run's folder holds.

    Raises:
        ValueError: If it holds nothing that a run writes, or a file is broken.
    """
    whole = run.resolve()
    place = f"{whole.parent.name}/{whole.name}"
    config = run / "config.yaml"
    metrics = read_metrics(run / "metrics.csv")
    sides = [side for name, below in SIDES.items() if (side := _read_side(run, name, below, place))]
    if not sides and not config.is_file():
        raise ValueError(
            f"{run}: expected a run's folder, with a config.yaml or what `test` or `validate` wrote, but found neither; "
            "give runs/NAME."
        )
    return RunFiles(
        name=whole.name,
        place=place,
        settings=load_yaml(config) if config.is_file() else {},
        losses=[(line["step"] + 1, line["train/loss"]) for line in metrics if "train/loss" in line],
        epochs=_read_epochs(run, metrics),
        sides=sides,
        has=frozenset(
            name for name in ("checkpoints/best.ckpt", "checkpoints/last.ckpt", "hf") if (run / name).exists()
        ),
    )


def find_tables(folder: Path) -> dict[int, Path]:
    """Return the tables of predictions below a side's folder by the epoch of the weights, the earliest first."""
    numbers = {path: path.stem.rpartition("_")[2] for path in folder.glob("predictions/*_epoch_*.csv")}
    return dict(sorted((int(number), path) for path, number in numbers.items() if number.isdecimal()))


def _read_epochs(run: Path, metrics: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return the epochs by `epochs.csv`, or by metrics.csv for a run that has no such file."""
    path = run / EPOCHS
    if not path.is_file():
        lines = summarize_epochs(metrics)
        return [{name: value for name, value in line.items() if value is not None} for line in lines]
    return [{name: float(cell) for name, cell in line.items() if cell} for line in read_csv(path)]


def _read_side(run: Path, name: str, below: str, place: str) -> Side | None:
    """Return what a subcommand wrote; None if it has written nothing."""
    folder = run / below
    summary = _read_json(folder / "summary.json").get(name, {})
    tables = find_tables(folder)
    data = _read_json(folder / "data.json")
    record = read_record(folder)
    if not (summary or tables or data or record):
        return None
    table = tables.get(summary.get("epoch"), list(tables.values())[-1]) if tables else None
    return Side(
        name=name,
        place="/".join(filter(None, (place, below))),
        summary=summary,
        record=record,
        table=f"predictions/{table.name}" if table else "",
        predictions=tally(iterate_csv(table)) if table else Tally(),
        reports={report: _read_table(folder / f"{report}.csv") for report in (REPORTS if below else ())},
        audit=_read_json(folder / "audit.json").get("tasks", {}) if below else {},
        data=data,
        set_aside=_read_table(folder / "set_aside.csv"),
    )


def _read_table(path: Path) -> list[dict[str, str]]:
    return read_csv(path) if path.is_file() else []


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content
