"""The page of a run as one HTML text, and as `report.html` in the run's folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from callbacks.loggers.secrets import hide_secrets
from callbacks.reports.page import predictions, sections
from callbacks.reports.page.classes import list_confusions
from callbacks.reports.page.commands import list_commands
from callbacks.reports.page.run_files import RunFiles, Side, read_run
from callbacks.reports.page.templates import PAGE, make_environment, read_style, show_value
from callbacks.rows.notation_calls import NotationCalls
from configs.program import PROGRAM
from datamodules.storage.atomic_write import whole_file

FILE = "report.html"
MOST_SET_ASIDE = 50
"""Most rows that were set aside and are shown."""
ROWS_OF = {"fit": "validation rows", "validate": "validation rows", "test": "test rows"}


def write_page(run: Path) -> Path:
    """Write a run's page into its folder; return its path.

    Raises:
        ValueError: If the folder is no run's, or a file in it is broken.
    """
    files = read_run(run)
    calls = NotationCalls(workers=1)
    try:
        text = render(files, calls)
    finally:
        calls.close()
    path = run / FILE
    with whole_file(path) as file:
        file.write(text)
    return path


def render(files: RunFiles, calls: NotationCalls) -> str:
    """Return a run's page; equal files give equal text."""
    chosen = [(side, side.predictions.shown) for side in files.sides]
    shown = [(side.name, row) for side, rows in chosen for row in predictions.show_rows(rows, calls)]
    results = [_describe_results(side) for side in files.sides if side.summary.get("tasks")]
    content = {
        "name": files.name,
        "place": files.place,
        "style": Markup(read_style()),
        "script": Markup((PAGE / "page.js").read_text(encoding="utf-8")),
        "summary_line": _summarize(files),
        "facts": _list_facts(files),
        "results": results,
        "notes": sections.explain_measures({name for side in results for name in side["measures"]}),
        "curves": sections.draw_fit(files),
        "epochs_note": _note_epochs(files),
        "shown": shown,
        "tables": [_describe_table(side, len(rows)) for side, rows in chosen if rows],
        "fields": _list_fields(shown),
        "outcomes": [(side.name, task, lines) for side in files.sides for task, lines in sections.list_outcomes(side).items()],
        "strata": [(side.name, task, sections.name_strata(side, task), lines) for side in files.sides
                   for task, lines in sections.list_strata(side).items()],
        "confidence": [(side.name, charts) for side in files.sides if (charts := sections.draw_confidence(side))],
        "data": [_describe_data(side) for side in files.sides if side.data],
        "made": [_describe_command(side) for side in files.sides if side.record],
        "commands": list_commands(files, _find_program(files)),
        "picture_width": predictions.WIDTH, "picture_height": predictions.HEIGHT,
    }  # fmt: skip
    titles = {"results": "Results", "curves": "Curves", "shown": "Predictions", "outcomes": "Outcomes",
              "strata": "By kind of row", "confidence": "Calibration", "data": "Rows"}  # fmt: skip
    ids = {"shown": "rows"}
    nav = [(ids.get(part, part), title) for part, title in titles.items() if content[part]]
    content["nav"] = [*nav, ("made", "How it was made"), ("next", "Next")]
    return make_environment().get_template("report.html.jinja").render(content)


def _find_program(files: RunFiles) -> str:
    """Return how the program was called."""
    commands = [one["command"] for side in files.sides for one in side.record.get("commands", ())]
    return "patois" if commands and commands[-1].startswith("patois ") else PROGRAM


def _summarize(files: RunFiles) -> str:
    """Return what the folder holds, in a line."""
    parts = []
    for side in files.sides:
        if seconds := side.summary.get("seconds"):
            parts.append(f"{side.name}: {side.summary.get('weights')}, {_format_seconds(seconds)}")
        else:
            parts.append(f"{side.name}: not ended")
    return "; ".join(parts) or "The run has written no results yet."


def _format_seconds(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60:02d} s"
        if whole < 3600
        else f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    )


def _list_facts(files: RunFiles) -> list[tuple[str, Any]]:
    """Return the settings that people look for first."""
    model, data, trainer = (files.settings.get(group) or {} for group in ("model", "data", "trainer"))
    optimizer = (model.get("optimizer") or {}).get("init_args") or {}
    tasks = list(dict.fromkeys(task for side in files.sides for task in side.summary.get("tasks", {})))
    average = model.get("average_weights")
    last = files.epochs[-1] if files.epochs else {}
    facts = {
        "task": ", ".join(tasks) or data.get("task"),
        "base": model.get("base"),
        "format": data.get("format"),
        "epochs": f"{len(files.epochs)} of {trainer.get('max_epochs')}" if files.settings else None,
        "optimizer steps": f"{int(last['step']):,}" if last else None,
        "learning rate": optimizer.get("lr"),
        "weights": f"averaged over the steps ({average:g})" if average is not None else None,
        "rows a second": f"{last['rows_per_second']:,.0f}" if "rows_per_second" in last else None,
        "seed": files.settings.get("seed_everything"),
    }
    return [(label, value) for label, value in facts.items() if value is not None]


def _note_epochs(files: RunFiles) -> str:
    if not files.settings or files.epochs:
        return ""
    return "The fit has not ended an epoch, so there are no curves."


def _describe_results(side: Side) -> dict[str, Any]:
    audit = [
        f"{task}: {count['leaked']:,} of {count['rows']:,} rows leak from training, {count['unanswerable']:,} cannot be "
        "answered as the reference wants."
        for task, count in side.audit.items()
    ]
    lines = sections.list_results(side)
    places = sections.list_measures(lines)
    return {
        "name": side.name,
        "measures": [sections.NAMES[place] for place in places],
        "title": f"{side.name}: {ROWS_OF[side.name]}, {side.summary.get('weights', '')}",
        "lines": [line._replace(cells=[line.cells[place] for place in places]) for line in lines],
        "metrics": sections.list_metrics(side),
        "confusions": list_confusions(side),
        "audit": audit,
    }


def _describe_table(side: Side, shown: int) -> str:
    total = side.predictions.total
    which = "all" if shown == total else f"{shown:,} of"
    return f"{side.name}: {which} {total:,} rows of {side.place}/{side.table}."


def _list_fields(shown: Sequence[tuple[str, predictions.Shown]]) -> list[dict[str, Any]]:
    """Return the filters that have something to choose, each value with the number of shown rows."""
    values = {
        "side": Counter(side for side, _ in shown),
        "task": Counter(row.task for _, row in shown),
        "kind": Counter(row.kind for _, row in shown),
        "outcome": Counter(row.outcome for _, row in shown),
    }
    words = {("kind", "invalid"): "not valid"}
    words |= {("outcome", row.outcome): row.meaning for _, row in reversed(shown)}
    return [
        {"name": name, "label": "answer" if name == "kind" else name,
         "options": [(value, f"{words.get((name, value), value)} ({number})") for value, number in counts.items()]}
        for name, counts in values.items() if len(counts) > 1
    ]  # fmt: skip


def _describe_data(side: Side) -> dict[str, Any]:
    """Return the counts of rows, and those that were set aside."""
    counts: list[tuple[str, str]] = []
    for label, key in (
        ("read from", "sources"),
        ("usable", "usable"),
        ("used", "rows"),
        ("shared identities", "overlap"),
    ):
        if found := side.data.get(key):
            counts.append((label, ", ".join(f"{name} {number:,}" for name, number in found.items())))
    reasons = side.data.get("set_aside") or Counter(line["reason"] for line in side.set_aside)
    lines = [
        {name: predictions.shorten(line.get(name, ""), 160) for name in ("file", "line", "reason", "text")}
        for line in side.set_aside[:MOST_SET_ASIDE]
    ]
    return {
        "name": side.name, "counts": counts, "reasons": sorted(reasons.items(), key=lambda item: -item[1]),
        "total": sum(reasons.values()), "lines": lines, "file": f"{side.place}/set_aside.csv",
    }  # fmt: skip


def _describe_command(side: Side) -> dict[str, Any]:
    record: Mapping[str, Any] = hide_secrets(side.record)
    versions = ", ".join(f"{name} {number}" for name, number in record.get("versions", {}).items())
    return {
        "name": side.name,
        "commands": record["commands"],
        "changed": [
            [flag, *(predictions.shorten(show_value(value), 200) for value in values)] for flag, *values in record["changed"]
        ],
        "versions": f"{record.get('device', '')}; {versions}",
    }  # fmt: skip
