"""Write docs/speed.md and docs/scaling.md: their words (`*.in.md`) with the tables of docs/speed.jsonl."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
Result = dict[str, Any]


def median(results: Iterable[Result], name: str) -> float:
    """Return the median of a figure over rounds."""
    return float(statistics.median(float(result[name]) for result in results))


def as_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def paired_ratio(ours: list[Result], theirs: list[Result], name: str) -> float:
    """Return the median over rounds of ours / theirs, so that a machine that gets slower between rounds does no harm."""
    other = {result["round"]: float(result[name]) for result in theirs}
    return float(
        statistics.median(
            float(result[name]) / other[result["round"]] for result in ours if result["round"] in other
        )
    )


def training_tables(results: list[Result]) -> str:
    """Return a table a case: each trainer's rows per second, how much faster Patois is, memory and loss."""
    cases: dict[tuple[Any, ...], dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        case = tuple(result[key] for key in ("shape", "format", "precision", "rows", "batch_size"))
        cases[case][result["trainer"]].append(result)
    parts = []
    for (shape, format, precision, rows, batch_size), trainers in cases.items():
        ours = trainers["patois"]
        table = as_table(
            ("trainer", "rows/s", "Patois is faster by", "peak memory", "held-out loss", "rounds"),
            [
                (
                    name,
                    f"{median(found, 'rows_per_second'):.2f}",
                    f"{paired_ratio(ours, found, 'rows_per_second'):.2f}x",
                    f"{median(found, 'peak_mb'):,.0f} MB",
                    f"{median(found, 'held_out_loss'):.3f}",
                    str(len(found)),
                )
                for name, found in trainers.items()
            ],
        )
        parts.append(
            f"**{shape}**, format `{format}`, {precision}, {rows:,} rows, {batch_size} rows a step\n\n{table}"
        )
    return "\n".join(parts)


def _by(results: list[Result], *names: str) -> dict[tuple[Any, ...], list[Result]]:
    groups: dict[tuple[Any, ...], list[Result]] = defaultdict(list)
    for result in results:
        groups[tuple(result[name] for name in names)].append(result)
    return groups


def generation_table(results: list[Result]) -> str:
    """Return rows per second of both and the ratio, a case a line."""
    return as_table(
        ("case", "rows", "decoded at once", "tokens", "rows/s", "`generate`: rows/s", "faster by", "rows that differ"),
        [
            (
                case,
                str(found[0]["rows"]),
                str(slots),
                f"{found[0]['tokens']:,}",
                f"{median(found, 'rows_per_second'):.1f}",
                f"{median(found, 'transformers_rows_per_second'):.1f}",
                f"{median(found, 'ratio'):.2f}x",
                str(sum(result["different"] for result in found)),
            )
            for (case, slots), found in _by(results, "case", "slots").items()
        ],
    )  # fmt: skip


def metrics_table(results: list[Result]) -> str:
    """Return the seconds of each metric."""
    names = [name for name in results[0] if name not in ("section", "round", "rows")]
    return as_table(names, [[f"{median(results, name):.2f} s" for name in names]])


def data_table(results: list[Result]) -> str:
    """Return seconds and memory from file to the first batch, a size a line."""
    return as_table(
        ("what is read", "rows", "start", "seconds", "peak memory, own", "of a worker"),
        [
            (
                case, f"{rows:,}", start, f"{median(found, 'wall'):.1f}", f"{median(found, 'own_gb'):.2f} GB",
                f"{median(found, 'child_gb'):.2f} GB",
            )
            for (case, rows, start), found in _by(results, "case", "rows", "start").items()
        ],
    )  # fmt: skip


def startup_table(results: list[Result]) -> str:
    """Return the seconds that a person waits."""
    return as_table(
        ("`python train.py fit --help`", "`python train.py fit` to the end of the first training step"),
        [[f"{median(results, 'help'):.2f} s", f"{median(results, 'first_step'):.1f} s"]],
    )


def mfu_table(results: list[Result]) -> str:
    """Return the share of a measured matmul's speed that training reaches."""
    return as_table(
        ("decoder", "precision", "matmul", "training, model FLOPs", "share"),
        [
            (
                shape, precision, f"{median(found, 'matmul_gflops'):.0f} GFLOP/s", f"{median(found, 'gflops'):.0f} GFLOP/s",
                f"{100 * median(found, 'share'):.0f} %",
            )
            for (shape, precision), found in _by(results, "shape", "precision").items()
        ],
    )  # fmt: skip


def scaling_table(results: list[Result]) -> str:
    """Return rows per second of one and of two processes."""
    return as_table(
        ("processes", "threads each", "rows/s"),
        [
            (str(ranks), str(threads), f"{median(found, 'rows_per_second'):.1f}")
            for (ranks, threads), found in _by(results, "ranks", "threads").items()
        ],
    )


def machine_line(results: list[Result]) -> str:
    """Return one line: what it was measured on and with."""
    facts = {name: value for name, value in results[0].items() if name != "section"}
    return ", ".join(f"{name} {value}" for name, value in facts.items()) + "\n"


TABLES: dict[str, Callable[[list[Result]], str]] = {
    "machine": machine_line, "training": training_tables, "mfu": mfu_table, "generation": generation_table,
    "metrics": metrics_table, "data": data_table, "startup": startup_table, "scaling": scaling_table,
}  # fmt: skip


def fill(text: str, results: list[Result]) -> str:
    """Put the tables in place of lines `<!-- section -->`; a section without results says so."""
    for section, table in TABLES.items():
        found = [result for result in results if result["section"] == section]
        text = text.replace(f"<!-- {section} -->\n", table(found) if found else "Not measured yet.\n")
    return text


def write_page(results: list[Result], docs: Path = DOCS) -> None:
    """Write docs/speed.md and docs/scaling.md from their texts (`*.in.md`) and the results."""
    from bench.grid import table

    for name in ("speed", "scaling"):
        text = (docs / f"{name}.in.md").read_text(encoding="utf-8").replace("<!-- grid -->\n", table())
        (docs / f"{name}.md").write_text(fill(text, results), encoding="utf-8")


if __name__ == "__main__":
    write_page([json.loads(line) for line in (DOCS / "speed.jsonl").read_text(encoding="utf-8").splitlines()])
