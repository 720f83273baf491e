"""Write docs/speed.md, docs/speed_tables.md and docs/scaling.md: their text (`*.in.md`) with tables from docs/speed.jsonl."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.markdown import DOCS, as_table
from bench.speed.cases import PARTS, place_of
from bench.speed.data.data_plot import draw_data
from bench.speed.results import Result, read_results

CASE = ("group", "shape", "format", "precision", "rows", "batch_size")
"""The fields that identify a training case; the trainers of a group ran alternately."""


def median(results: Iterable[Result], name: str) -> float:
    """Return the median of a figure over rounds."""
    return float(statistics.median(float(result[name]) for result in results))


def paired_ratio(ours: list[Result], theirs: list[Result], name: str) -> float:
    """Return the median over rounds, or their epochs, of ours / theirs, which a slower machine does not change."""
    other = {_turn(result): float(result[name]) for result in theirs}
    return float(
        statistics.median(
            float(result[name]) / other[_turn(result)] for result in ours if _turn(result) in other
        )
    )


def _turn(result: Result) -> tuple[Any, Any]:
    return result["round"], result.get("epoch")


def with_spread(results: Iterable[Result], name: str) -> str:
    """Return the median over rounds with the lowest and the highest value."""
    values = [float(result[name]) for result in results]
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def training_tables(results: list[Result]) -> str:
    """Return one table per case: each trainer's rows per second, the speed-up of Patois, memory and loss over the seeds."""
    cases: dict[tuple[Any, ...], dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in sorted(results, key=lambda result: place_of(result["trainer"])):
        case = tuple(result.get(key) for key in CASE)
        cases[case][result["trainer"]].append(result)
    parts = []
    for case in _by(results, *CASE):
        _, shape, format, precision, rows, batch_size = case
        table = _training_table(cases[case])
        parts.append(
            f"**{shape}**, format `{format}`, {precision}, {rows:,} rows, {batch_size} rows a step\n\n{table}"
        )
    return "\n".join(parts)


def _training_table(trainers: dict[str, list[Result]]) -> str:
    ours = {name: trainers[name] for name in ("patois", "patois-fast") if name in trainers}
    return as_table(
        (
            "trainer", "rows/s", *(f"speed-up by `{name}`" for name in ours), "peak memory",
            "held-out loss (lowest to highest)", "timed epochs",
        ),
        [
            (
                name,
                f"{median(found, 'rows_per_second'):.2f}",
                *(f"{paired_ratio(own, found, 'rows_per_second'):.2f}x" for own in ours.values()),
                f"{median(found, 'peak_mb'):,.0f} MB",
                with_spread(found, "held_out_loss"),
                str(len(found)),
            )
            for name, found in trainers.items()
        ],
    )  # fmt: skip


def training_summary(results: list[Result]) -> str:
    """Return one line per case: the faster of Patois's two ways, the fastest peer, and the median of their ratios.

    Of several groups of trainers that were measured for a case, the one with the lowest ratio is shown.
    """
    lowest: dict[str, tuple[float, tuple[str, ...]]] = {}
    for (_, shape, format, precision, *_), found in _by(results, *CASE).items():
        trainers = {name: same for (name,), same in _by(found, "trainer").items()}
        own = [name for name in trainers if name in ("patois", "patois-fast")]
        peers = [name for name in trainers if not name.startswith("patois") and name != "bare"]
        if own and peers:
            rates = {name: median(same, "rows_per_second") for name, same in trainers.items()}
            ours, theirs = (max(names, key=rates.__getitem__) for names in (own, peers))
            ratio = paired_ratio(trainers[ours], trainers[theirs], "rows_per_second")
            case = f"{shape}, `{format}`, {precision}"
            cells = f"{rates[ours]:.1f} ({ours})", f"{rates[theirs]:.1f} ({theirs})", f"{ratio:.2f}x"
            lowest[case] = min(lowest.get(case, (ratio, (case, *cells))), (ratio, (case, *cells)))
    return as_table(("case", "Patois", "fastest peer", "ratio"), [row for _, row in lowest.values()])


def _by(results: list[Result], *names: str) -> dict[tuple[Any, ...], list[Result]]:
    groups: dict[tuple[Any, ...], list[Result]] = defaultdict(list)
    for result in results:
        groups[tuple(result.get(name) for name in names)].append(result)
    return groups


def generation_table(results: list[Result]) -> str:
    """Return one line per case: rows per second of both libraries and their ratio."""
    return as_table(
        ("case", "rows", "decoded at once", "tokens", "rows/s", "`generate`: rows/s", "speed-up", "rows that differ"),
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


def drafts_table(results: list[Result]) -> str:
    """Return one line per share of right rows: the processor seconds of each way, and how they compare with drafts."""

    def line(share: int, found: list[Result]) -> tuple[str, ...]:
        ways = {way: median(same, "seconds") for (way,), same in _by(found, "way").items()}
        different = sum(result["different"] for result in found)
        times = (f"{ways[way]:.1f} s" for way in ("transformers", "plain", "drafts"))
        ratios = (f"{ways['drafts'] / ways[way]:.2f}" for way in ("plain", "transformers"))
        return f"{share} %", str(found[0]["rows"]), *times, *ratios, str(different)

    return as_table(
        ("answered exactly", "rows", "transformers", "plain", "drafts", "drafts / plain", "drafts / transformers",
         "rows that differ"),
        [line(share, found) for (share,), found in _by(results, "share").items()],
    )  # fmt: skip


def metrics_table(results: list[Result]) -> str:
    """Return the seconds of each metric."""
    names = [name for name in results[0] if name not in ("section", "round", "rows")]
    return as_table(names, [[f"{median(results, name):.2f} s" for name in names]])


def spread(results: Iterable[Result], name: str) -> tuple[float, float]:
    """Return the lowest and the highest value of a figure over rounds."""
    values = [float(result[name]) for result in results]
    return min(values), max(values)


def data_table(results: list[Result]) -> str:
    """Return one line per case, size and start: seconds and memory from a file to the first training step."""
    rows = []
    for (case, size, start), found in _by(results, "case", "rows", "start").items():
        seconds = median(found, "data")
        rows.append((
            case, f"{size:,}", f"{found[0]['distinct']:,}", start, f"{median(found, 'first_step'):.1f}", f"{seconds:.1f}",
            f"{seconds / size * 1e6:.1f}", f"{median(found, 'peak_gb'):.2f} GB", f"{median(found, 'own_gb'):.2f} GB",
        ))  # fmt: skip
    header = (
        "case", "rows", "distinct", "start", "seconds", "of which data", "data, s per million rows", "peak memory",
        "main process alone",
    )  # fmt: skip
    return as_table(header, rows)


def startup_table(results: list[Result]) -> str:
    """Return the seconds that a user waits."""
    return as_table(
        ("`python train.py fit --help`", "`python train.py fit` to the end of the first training step"),
        [[f"{median(results, 'help'):.2f} s", f"{median(results, 'first_step'):.1f} s"]],
    )


def mfu_table(results: list[Result]) -> str:
    """Return the share of a measured matmul's speed that training reaches, with its range over rounds."""
    rows = []
    for (shape, precision), found in _by(results, "shape", "precision").items():
        low, high = spread(found, "share")
        rows.append((
            shape, precision, f"{median(found, 'matmul_gflops'):.0f} GFLOP/s", f"{median(found, 'gflops'):.0f} GFLOP/s",
            f"{100 * median(found, 'share'):.0f} %", f"{100 * low:.0f} to {100 * high:.0f} %",
        ))  # fmt: skip
    return as_table(
        ("decoder", "precision", "matmul", "training, model FLOPs", "share", "range over rounds"), rows
    )


def composition_table(results: list[Result]) -> str:
    """Return the breakdown of a step, one line per decoder."""
    rows = []
    for (shape, precision), found in _by(results, "shape", "precision").items():
        shares = [f"{100 * median(found, f'{part}_share'):.1f} %" for part in PARTS]
        update, plain = (f"{median(found, name):.1f} GB/s" for name in ("update_gbps", "plain_gbps"))
        rows.append(
            (shape, precision, *shares, update, plain, f"{100 * median(found, 'update_share'):.0f} %")
        )
    header = ("decoder", "precision", *PARTS, "update", "plain pass", "share")
    return as_table(header, rows)


def ways_table(results: list[Result]) -> str:
    """Return the speed-up of each technique, with its range over rounds."""
    rows = []
    for (way,), found in _by(results, "way").items():
        low, high = spread(found, "ratio")
        seconds = (f"{1000 * median(found, name):,.1f} ms" for name in ("without", "seconds"))
        rows.append((way, *seconds, f"{median(found, 'ratio'):.2f}x", f"{low:.2f} to {high:.2f}"))
    return as_table(("technique", "without it", "with it", "speed-up", "range over rounds"), rows)


def update_share(results: list[Result]) -> float | None:
    """Return the share of a plain pass's bandwidth that the update reaches, the median over fp32 results of large decoders.

    The built-in decoder is excluded: it is far smaller than the grid's. None if nothing was measured; at most 1.
    """
    found = [
        result["update_share"] for result in results
        if result["section"] == "composition" and result["shape"] != "builtin" and result["precision"] == "fp32"
    ]  # fmt: skip
    return min(1.0, float(statistics.median(found))) if found else None


def scaling_table(results: list[Result]) -> str:
    """Return the rows per second of one and of two processes."""
    return as_table(
        ("processes", "threads each", "rows/s"),
        [
            (str(ranks), str(threads), f"{median(found, 'rows_per_second'):.1f}")
            for (ranks, threads), found in _by(results, "ranks", "threads").items()
        ],
    )


def machine_line(machine: Result) -> str:
    """Return one line: the machine and the versions of a measurement."""
    facts = {name: value for name, value in machine.items() if name not in ("section", "of")}
    return ", ".join(f"{name} {value}" for name, value in facts.items()) + "\n"


TABLES: dict[str, Callable[[list[Result]], str]] = {
    "training": training_tables, "mfu": mfu_table, "composition": composition_table, "ways": ways_table,
    "generation": generation_table, "drafts": drafts_table, "metrics": metrics_table, "data": data_table,
    "startup": startup_table, "scaling": scaling_table, "training_summary": training_summary,
}  # fmt: skip

SECTIONS = {"training_summary": "training"}
"""The section of a table that is not called like its section."""


def fill(text: str, results: list[Result]) -> str:
    """Replace lines `<!-- section -->` by their tables; a section without results says so.

    The machine replaces `<!-- machine -->` if the whole page was measured on one machine; otherwise each table names its own.
    """
    shown = [name for name in TABLES if f"<!-- {name} -->\n" in text]
    machines = {result["of"]: machine_line(result) for result in results if result["section"] == "machine"}
    different = {machines[name] for name in shown if name in machines}
    at_top = "<!-- machine -->\n" in text and len(different) == 1
    for name in shown:
        found = [result for result in results if result["section"] == SECTIONS.get(name, name)]
        table = TABLES[name](found) if found else "Not measured yet.\n"
        if found and name in machines and not at_top:
            table = f"Measured on: {machines[name]}\n{table}"
        text = text.replace(f"<!-- {name} -->\n", table)
    top = different.pop() if at_top else "They differ by section, and each section names its own.\n"
    return fill_grid(text.replace("<!-- machine -->\n", top), results)


def fill_grid(text: str, results: list[Result]) -> str:
    """Replace `<!-- grid -->` by the grid, and `<!-- update -->` by the share that its update reaches."""
    if "<!-- grid -->" not in text:
        return text
    from bench.speed import paper_costs

    measured = update_share(results)
    share = paper_costs.ASSUMED_SHARE if measured is None else measured
    source = (
        "assumed: not measured yet"
        if measured is None
        else "measured, see [speed_tables.md](speed_tables.md)"
    )
    text = text.replace("<!-- update -->", f"{100 * share:.0f} % ({source})")
    return text.replace("<!-- grid -->\n", paper_costs.table(share))


def write_page(results: list[Result], docs: Path = DOCS) -> None:
    """Write docs/speed.md, docs/speed_tables.md and docs/scaling.md from their texts and the results, and draw the plot."""
    for name in ("speed", "speed_tables", "scaling"):
        text = (docs / f"{name}.in.md").read_text(encoding="utf-8")
        (docs / f"{name}.md").write_text(fill(text, results), encoding="utf-8")
    draw_data(
        [result for result in results if result["section"] == "data"], docs / "images" / "data_seconds.svg"
    )


if __name__ == "__main__":
    write_page(read_results())
