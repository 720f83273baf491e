"""A study's pages: Markdown with its plots in images/, and the same as one HTML file with the plots in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.markdown import as_table
from bench.studies.grid import SEED, Study
from bench.studies.power_law import FEWEST, Point, PowerLaw, fit_power_law
from bench.studies.results import Result
from bench.studies.tables import (
    ERRORS,
    at_least,
    estimate,
    measures_of,
    settings_of,
    show_value,
    table_of,
    tasks_of,
    varying,
)
from bench.studies.verdicts import paired_table
from callbacks.reports.page.templates import read_style
from callbacks.statistics.intervals import Z_95

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = "data.train_rows"
PICTURES = 2
"""Number of plots per task, of its first columns."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style></head><body><main>
{body}</main></body></html>
"""


def power_laws(results: Sequence[Result], task: str) -> list[tuple[str, list[Point], PowerLaw]]:
    """Return the points and the power law, if any, for each error of a task and each setting of the other flags."""
    place = (flags := varying(results)).index(SIZE)
    series: dict[str, list[Result]] = {}
    for setting in settings_of(results):
        others = [value for number, value in enumerate(setting.values) if number != place]
        series.setdefault(", ".join(map(show_value, others)), []).extend(setting.results)
    assert flags[place] == SIZE
    found = []
    for name, members in series.items():
        for measure in ERRORS:
            points = []
            for result in members:
                error = estimate([result], task, measure)
                if error is not None:
                    deviation = (error.high - error.low) / (2 * Z_95)
                    points.append(Point(result["flags"][SIZE], error.value, deviation))
            law = fit_power_law(points) if points else None
            if law is not None:
                found.append((", ".join(filter(None, (measure.label, name))), points, law))
    return found


def law_table(laws: Sequence[tuple[str, list[Point], PowerLaw]]) -> str:
    """Return the Markdown table of the fits, each with its reason for doubt."""
    lines = [
        (
            label, f"{law.factor:.3g}", f"{law.exponent:.3f} ({law.low:.3f} to {law.high:.3f})", f"{law.r2:.3f}",
            str(len(points)), law.doubt or "none",
        )
        for label, points, law in laws
    ]  # fmt: skip
    return as_table(("error", "factor", "exponent (95 %)", "R2", "points", "doubt"), lines)


def provenance(results: Sequence[Result]) -> str:
    """Return how the results were made: the flags that all share, precisions, versions and revisions."""
    flags = results[0]["flags"]
    fixed = [
        f"`--{flag}={value}`"
        for flag, value in flags.items()
        if all(result["flags"].get(flag) == value for result in results)
    ]
    seeds = sorted({result["flags"].get(SEED, 0) for result in results})
    versions = dict.fromkeys(
        ", ".join(f"{name} {number}" for name, number in result["versions"].items()) for result in results
    )
    precisions = Counter(result.get("precision", "unrecorded precision") for result in results)
    computed = ", ".join(f"{number} in {precision}" for precision, number in precisions.items())
    hours = sum(result["fit_seconds"] + result["test_seconds"] for result in results) / 3600
    return (
        f"All cells: {' '.join(fixed)}\n\n{len(results)} cells, {'seed' if len(seeds) == 1 else 'seeds'} "
        f"{', '.join(map(str, seeds))}, {at_least(results)}{hours:.1f} hours; {computed}. "
        f"Made with {'; '.join(versions)}; revision {', '.join(dict.fromkeys(result['revision'] for result in results))}.\n"
    )


def compose(study: Study, results: Sequence[Result], notes: str) -> tuple[str, dict[str, bytes]]:
    """Return the page in Markdown, and its plots: SVGs by their path relative to the page."""
    from bench.studies.plots import draw, draw_power_law
    from bench.svg import as_svg

    parts = [f"# Study: {study.name.replace('_', ' ')}\n", f"{study.description.strip()}\n"]
    if notes:
        parts.append(notes)
    pictures: dict[str, bytes] = {}

    def show(alt: str, figure: Figure) -> None:
        name = f"images/{study.name}-{len(pictures) + 1}.svg"
        pictures[name] = as_svg(figure)
        parts.append(f"![{alt}]({name})\n")

    for task in tasks_of(results):
        parts += [f"## {task}\n", table_of(results, task)]
        for measure in measures_of(results, task)[:PICTURES] if varying(results) else ():
            show(f"{measure.label} of {task}", draw(results, task, measure))
        if (pairs := paired_table(results, task)) is not None:
            parts += [
                "Exact match row by row, compared with the best setting. The p values are not corrected for multiple tests, and "
                "the best setting is best in part by chance, so its lead is somewhat too large:\n",
                pairs,
            ]
        if SIZE in varying(results):
            laws = power_laws(results, task)
            if not laws:
                parts.append(f"No power law is fitted: it takes {FEWEST} sizes with an error above 0.\n")
                continue
            words = (
                "error = factor x examples^-exponent, fitted by least squares of the logarithms; the interval is Student's, with "
                "two degrees of freedom fewer than points."
            )
            parts += [f"Power laws: {words}\n", law_table(laws)]
            show(f"Power laws of {task}", draw_power_law(laws, task))
    parts += [
        "## How it was made\n", provenance(results),
        "Intervals are Wilson's for shares, and from a bootstrap of test rows for means. The last weights are tested. Steps are "
        "optimizer steps. Minutes are those of the fit; after an interruption, those of its last session (≥).\n\n"
        f"Made by `python -m bench.studies run {study.name}`.\n",
    ]  # fmt: skip
    return "\n".join(parts), pictures


def write_report(study: Study, results: Sequence[Result], folder: Path, page: Path | None = None) -> Path:
    """Write `STUDY.md` and its plots, and an HTML file; `STUDY.notes.md`, if there is one, stands below the description.

    Args:
        study: The study.
        results: Its results.
        folder: Where the results and the Markdown page lie.
        page: The HTML file; default `STUDY.html` in the folder.

    Returns:
        The HTML file.

    Raises:
        ValueError: If there is no result, or the extra `studies` is not installed.
    """
    lacking = [name for name in ("matplotlib", "markdown_it") if find_spec(name) is None]
    if lacking:
        raise ValueError(f"A report needs {' and '.join(lacking)}: run `pip install -e '.[studies]'`.")
    if not results:
        raise ValueError(
            f"Expected results in {folder / study.name}.jsonl, but there are none: run the study first."
        )
    from markdown_it import MarkdownIt

    from bench.svg import as_uri

    notes = folder / f"{study.name}.notes.md"
    text, pictures = compose(study, results, notes.read_text(encoding="utf-8") if notes.is_file() else "")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for old in (folder / "images").glob(f"{study.name}-*.svg"):
        old.unlink()
    for name, svg in pictures.items():
        (folder / name).write_bytes(svg)
    (folder / f"{study.name}.md").write_text(text, encoding="utf-8")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    for name, svg in pictures.items():
        body = body.replace(f'src="{name}"', f'src="{as_uri(svg)}"')
    page = folder / f"{study.name}.html" if page is None else page
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(
        PAGE.format(title=f"Patois: {study.name}", style=read_style(), body=body), encoding="utf-8"
    )
    return page
