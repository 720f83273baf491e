"""Measure other wordings by blocking against sampling: `python -m bench.release.wordings`.

One fit of the bundled base learns to give another name of a molecule (the task `other_name`). Its test names are then asked
several times each: by sampling at several temperatures, and greedily with several shares of blocked positions. OPSIN says which
answers keep the molecule. Lines are appended to docs/results/wordings.jsonl, and a setting that stands there is not measured
again; docs/results/wordings.md is written from the file.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.markdown import as_table
from bench.studies.cells import clear_unresumable, fit_words, run_train
from bench.studies.grid import words
from bench.studies.results import append_result, read_results
from callbacks.metrics.kinds.wordings import ibleu
from callbacks.metrics.text_similarity import bleu, bleu_counts
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.wordings import Wording, compare_wordings
from callbacks.statistics.intervals import bootstrap_interval
from cli.asking.find import describe
from cli.asking.model import Model
from cli.settings.run_settings import read_typed_settings
from configs.lookup import PROJECT
from datamodules.notations._unicode import compose
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.generation.settings import GenerationSettings

RESULTS = PROJECT / "docs" / "results" / "wordings.jsonl"
PAGE = PROJECT / "docs" / "results" / "wordings.md"
PARTS = {
    "method": str,
    "value": float,
    "rows": int,
    "answers": int,
    "kept_meaning": float,
    "source_bleu": float,
}
"""What every line has."""
TASK = "other_name"
FIT: dict[str, Any] = {
    "data.task": TASK, "data.train_rows": 12_000, "data.val_rows": 100, "data.test_rows": 300, "data.max_length": 96,
    "trainer.max_epochs": 1, "seed_everything": 0,
}  # fmt: skip
"""The flags of the fit."""
VARIANTS = 4
"""Answers a row."""
TEMPERATURES = (0.25, 0.5, 1.0, 1.5)
BLOCKS = (0.1, 0.25, 0.5, 1.0)
LABELS = {
    "kept_meaning": "same molecule", "other_wording": "and another name", "wordings": f"different such names of {VARIANTS}",
    "source_bleu": "source BLEU", "source_bleu_kept": "source BLEU, same molecule", "ibleu": "iBLEU",
}  # fmt: skip
"""How the page calls each measure."""


class Setting(NamedTuple):
    """How answers are drawn."""

    method: str
    """`greedy`, `sampling` or `block`."""
    value: float
    """The temperature, or the share of blocked positions."""

    def generation(self, limit: int) -> GenerationSettings:
        """Return the settings of generation for answers of at most `limit` tokens."""
        if self.method == "sampling":
            return GenerationSettings("sample", temperature=self.value, max_new_tokens=limit)
        return GenerationSettings(max_new_tokens=limit, block=self.value if self.method == "block" else 0.0)


SETTINGS = (
    Setting("greedy", 0.0),
    *(Setting("sampling", value) for value in TEMPERATURES),
    *(Setting("block", value) for value in BLOCKS),
)


def load_rows(run: Path, tokenizer: Any) -> list[EvaluatedRow]:
    """Return the test rows of a run, not answered yet."""
    settings = {**(read_typed_settings(run).get("data") or {}), "num_workers": 0}
    data = SequenceTaskDataModule(tokenizer, **settings)
    data.data.prepare_sides(("test",))
    rows = (data.row("test", index) for index in range(data.num_rows("test")))
    return [EvaluatedRow(**vars(row), prediction="", score=0.0, stopped=True, num_tokens=0) for row in rows]


def ask(model: Model, rows: Sequence[EvaluatedRow], setting: Setting) -> list[list[str]]:
    """Return `VARIANTS` answers of each row; the greedy one is one answer."""
    task, count = model.tasks[TASK], 1 if setting.method == "greedy" else VARIANTS
    asked = [row.meant for row in rows for _ in range(count)]
    made = model.generate(task, asked, setting.generation(FIT["data.max_length"]), numbers=range(len(asked)))
    texts = [one.text if one else "" for one in made]
    return [texts[start : start + count] for start in range(0, len(texts), count)]


def tally(
    row: EvaluatedRow, answers: Sequence[str], wordings: Sequence[Wording | None]
) -> NDArray[np.float64]:
    """Return the sums of a row: answers, kept ones, other wordings, different ones of these, and counts for BLEU.

    The counts for BLEU are those to the source of all answers, those to the reference, and those to the source of the kept ones.
    """
    kept = [bool(one and one.kept) for one in wordings]
    other = [one is not None and one.other and holds for one, holds in zip(wordings, kept, strict=True)]
    different = {compose(text) for text, holds in zip(answers, other, strict=True) if holds}
    source, target = compose(row.meant), compose(row.target or "")
    to_source = np.array([bleu_counts(compose(text), source) for text in answers])
    to_target = np.array([bleu_counts(compose(text), target) for text in answers]).sum(axis=0)
    of_kept = to_source[kept].sum(axis=0)
    return np.array(
        [len(answers), sum(kept), sum(other), len(different), *to_source.sum(axis=0), *to_target, *of_kept],
        dtype=float,
    )


def summarize(sums: NDArray[np.float64]) -> dict[str, float]:
    """Return the measures of a setting with their 95 % intervals over rows (bootstrap), from `tally` of each row, (N, 34)."""
    rows = np.concatenate([np.ones((len(sums), 1)), sums], axis=1)
    measures = {
        "kept_meaning": lambda s: s[:, 2] / s[:, 1],
        "other_wording": lambda s: s[:, 3] / s[:, 1],
        "wordings": lambda s: s[:, 4] / s[:, 0],
        "source_bleu": lambda s: bleu(s[:, 5:15]),
        "source_bleu_kept": lambda s: bleu(s[:, 25:35]),
        "ibleu": lambda s: ibleu(s[:, 5:25]),
    }
    found = {}
    for name, measure in measures.items():
        found[name] = float(measure(rows.sum(axis=0, keepdims=True))[0])
        found[f"{name}_low"], found[f"{name}_high"] = bootstrap_interval(rows, statistic=measure)
    return found


def measure(model: Model, rows: Sequence[EvaluatedRow], setting: Setting) -> dict[str, Any]:
    """Return the line of a setting."""
    answers = ask(model, rows, setting)
    spread = [
        replace(row, prediction=text) for row, texts in zip(rows, answers, strict=True) for text in texts
    ]
    wordings = iter(compare_wordings(Evaluation(spread, model.calls, reads_names=True)))
    sums = np.stack(
        [tally(row, texts, [next(wordings) for _ in texts]) for row, texts in zip(rows, answers, strict=True)]
    )
    return {**setting._asdict(), "rows": len(rows), "answers": int(sums[:, 0].sum()), **summarize(sums)}


def sampled_at(lines: Sequence[Mapping[str, Any]], kept: float, measured: str) -> float | None:
    """Return a measure of sampling at a rate of kept meaning, linear between temperatures; None outside of what was measured.

    Examples:
        >>> lines = [{"kept_meaning": 0.2, "source_bleu": 0.4}, {"kept_meaning": 0.6, "source_bleu": 0.8}]
        >>> round(sampled_at(lines, 0.5, "source_bleu"), 6), sampled_at(lines, 0.7, "source_bleu")
        (0.7, None)
    """
    points = sorted((line["kept_meaning"], line[measured]) for line in lines)
    if not points or not points[0][0] <= kept <= points[-1][0]:
        return None
    rates, values = zip(*points, strict=True)
    return float(np.interp(kept, rates, values))


def write_page(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the page: each setting's measures, and blocking beside sampling at the same rate of kept meaning."""
    order = {setting: place for place, setting in enumerate(SETTINGS)}
    lines = sorted(lines, key=lambda line: order.get(Setting(line["method"], line["value"]), len(order)))
    table = [
        [name_setting(line), *(describe_measure(line, name) for name in LABELS), f"{line['answers']:,}"]
        for line in lines
    ]
    drawn = [line for line in lines if line["method"] == "sampling"]
    beside = []
    for line in (line for line in lines if line["method"] == "block"):
        cells = [name_setting(line), f"{line['kept_meaning']:.3f}"]
        for name in ("source_bleu", "source_bleu_kept", "wordings"):
            other = sampled_at(drawn, line["kept_meaning"], name)
            cells += [f"{line[name]:.3f}", "-" if other is None else f"{other:.3f}"]
        beside.append(cells)
    columns = ["setting", LABELS["kept_meaning"]]
    for name in ("source_bleu", "source_bleu_kept", "wordings"):
        columns += [LABELS[name], "sampled"]
    rows = lines[0]["rows"] if lines else 0
    return "\n".join(
        [
            TEXT.format(rows=f"{rows:,}", variants=VARIANTS, train=f"{FIT['data.train_rows']:,}"),
            as_table(["setting", *(f"{label} (95 %)" for label in LABELS.values()), "answers"], table),
            BESIDE,
            as_table(columns, beside),
        ]
    )


def name_setting(line: Mapping[str, Any]) -> str:
    """Return what a line's setting is called."""
    if line["method"] == "greedy":
        return "greedy"
    return f"temperature {line['value']:g}" if line["method"] == "sampling" else f"block {line['value']:g}"


def describe_measure(line: Mapping[str, Any], name: str) -> str:
    """Return a measure with its interval."""
    return f"{line[name]:.3f} ({line[f'{name}_low']:.3f} to {line[f'{name}_high']:.3f})"


TEXT = """# Other wordings: blocking against sampling

The bundled base learned from {train} pairs, once, to give another name of a molecule (`--data.task other_name`: the conventional
name in, its first synonym out), and was asked for {variants} answers to each of {rows} test names: by sampling at several
temperatures, and greedily with `--model.generation.block` at several values, whose answers differ by the positions that are
blocked. *Same molecule* is the share of answers that OPSIN reads as the molecule of the input name. *And another name*: the share
that is also not the input itself. *Different such names*: how many of a row's answers are that and differ from each other.
BLEU is over characters, in [0, 1], of the answers to their inputs: of all answers, and of those of the same molecule alone.
Intervals are over rows (bootstrap). One model, one seed. `python -m bench.release.wordings` makes this page.
"""

BESIDE = """## At the same rate of kept meaning

Each block value beside sampling at the temperature that keeps the molecule as often (linear between the measured temperatures;
`-` where no temperature does). Less BLEU and more different names are better.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit if there is no run yet, measure the settings that are missing, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("."), help="where the folder runs is made")
    folder = parser.parse_args(arguments).folder.resolve()
    run = folder / "runs" / TASK
    clear_unresumable(run)
    if not (run / "hf").is_dir():
        run_train(fit_words(run, words(FIT)), folder)
    known = {Setting(line["method"], line["value"]) for line in read_results(RESULTS, PARTS)}
    missing = [setting for setting in SETTINGS if setting not in known]
    if missing:
        model = Model(describe(run))
        rows = load_rows(run, model.weights(next(iter(model.tasks))).tokenizer)
        for setting in missing:
            append_result(RESULTS, measure(model, rows, setting))
        model.calls.close()
    PAGE.write_text(write_page(read_results(RESULTS, PARTS)), encoding="utf-8")


if __name__ == "__main__":
    main()
