"""Write gpu.md: its words (docs/gpu.in.md) with tables of gpu.jsonl."""

from __future__ import annotations

from pathlib import Path

from bench.markdown import DOCS, as_table
from bench.speed.report import machine_line
from bench.speed.results import read_results
from tests.gpu.place import Result

PLACE = "<!-- gpu -->\n"
NOTHING = (
    "**Nothing is measured yet.** No GPU was to be had so far, so nothing is claimed about one: neither that it computes the "
    "same nor how fast it is.\n"
)
OUTCOME = "section"
"""The `what` of the line that says what became of a section."""


def outcomes(results: list[Result]) -> str:
    """Return a line a section: what became of it, and how many of its checks are within their bounds."""
    rows = []
    for line in results:
        if line.get("what") == OUTCOME:
            checks = checks_of(results, line["section"])
            passed = f"{sum(one['passed'] for one in checks)} of {len(checks)}" if checks else "none"
            rows.append(
                (
                    line["section"],
                    line["outcome"].strip().splitlines()[-1],
                    passed,
                    f"{line['wall_seconds']:.0f}",
                )
            )
    return as_table(("section", "what became of it", "checks within their bounds", "seconds"), rows)


def checks_of(results: list[Result], section: str) -> list[Result]:
    """Return the checks of a section."""
    return [line for line in results if line["section"] == section and "passed" in line]


def check_table(results: list[Result]) -> str:
    """Return a line a check."""
    return as_table(
        ("section", "what", "value", "bound", "within"),
        [
            (line["section"], line["what"], f"{line['value']:.2g}", f"{line['bound']:g}", "yes" if line["passed"] else "**no**")
            for line in results
            if "passed" in line
        ],
    )  # fmt: skip


def speed_table(results: list[Result]) -> str:
    """Return a line a trainer: what it reaches, or why it reaches nothing."""
    rows = []
    for line in results:
        if "batch_size" not in line:
            continue
        case = f"{line['shape']}, `{line['format']}`, {line['precision']}, {line['batch_size']} rows a step"
        if "rows_per_second" in line:
            figures = (
                f"{line['rows_per_second']:,.0f}", f"{line['tokens_per_second']:,.0f}", f"{line['peak_mb']:,.0f} MB",
                f"{100 * line['share_of_matmul']:.0f} %", f"{line['held_out_loss']:.3f}",
            )  # fmt: skip
        else:
            why = line.get("skipped") or line["error"].strip().splitlines()[-1]
            figures = (why, "", "", "", "")
        rows.append((case, line["what"], *figures))
    header = ("case", "trainer", "rows/s", "tokens/s", "peak memory", "share of a matmul", "held-out loss")
    return as_table(header, rows) if rows else ""


def recipe_table(results: list[Result]) -> str:
    """Return the speed of the flagship's recipe."""
    rows = [
        (
            line["what"], f"{line['tokens_per_second']:,.0f}", f"{line['rows_per_second']:,.0f}", str(line["epochs"]),
        )
        for line in results
        if "supervised_tokens_per_second" in line
    ]  # fmt: skip
    return as_table(("what", "tokens/s", "rows/s", "timed epochs"), rows) if rows else ""


def page(results: list[Result]) -> str:
    """Return the whole page; machines are named once each, with their sections."""
    text = (DOCS / "gpu.in.md").read_text(encoding="utf-8")
    if not results:
        return text.replace(PLACE, NOTHING)
    machines: dict[str, list[str]] = {}
    for line in results:
        if line["section"] == "machine":
            machines.setdefault(machine_line(line), []).append(line["of"])
    known = "".join(f"- {', '.join(sections)}: {machine}" for machine, sections in machines.items())
    found = [line for line in results if line["section"] != "machine"]
    parts = [known, outcomes(found), speed_table(found), recipe_table(found), check_table(found)]
    return text.replace(PLACE, "\n".join(part for part in parts if part))


def write_page(folder: Path) -> None:
    """Write a folder's page from its results."""
    (folder / "gpu.md").write_text(page(read_results(folder / "gpu.jsonl")), encoding="utf-8")


if __name__ == "__main__":
    write_page(DOCS)
