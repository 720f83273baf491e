"""An evaluation that is read in parts gives the files and numbers of one that is read at once, and keeps no rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader

from callbacks.metrics.confidence import Confidence
from callbacks.metrics.error_classes import ErrorClasses
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.reading import collected
from callbacks.metrics.row_reader import RowReader, find_shared
from callbacks.metrics.stratified_match import StratifiedMatch
from callbacks.metrics.text_similarity import TextSimilarity
from callbacks.metrics.validity import Validity
from callbacks.reports.audit_report import AuditReport
from callbacks.reports.baselines import Baselines
from callbacks.reports.prediction_table import PredictionTable
from callbacks.reports.rerank import Rerank
from datamodules.storage.safe_csv import read_csv
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

ANSWERS = ["CCO", "OCC", "C(", "CC", "c1ccccc1"]
PAIRS = [Pair(f"in {row}", "CCO", ANSWERS[row * 7 % 5]) for row in range(23)]
PAIRS += [Pair(f"w {row}", "word", "word" if row % 3 else "ward", "spell", "text") for row in range(9)]


class Reversed(StubData):
    """The rows from the last to the first, as those of a file come by their lengths."""

    def _loader(self) -> Any:
        batches: Any = [*super()._loader()][::-1]
        return DataLoader(batches, batch_size=None)


def run(folder: Path, *more: RowReader) -> dict[str, float]:
    callbacks = [
        PredictionTable(), TextSimilarity(), ExactMatch(), Validity(), ErrorClasses(), StratifiedMatch(), Confidence(),
        AuditReport(), Baselines(), Rerank(), *more,
    ]  # fmt: skip
    trainer = make_trainer(folder, callbacks)
    trainer.test(ScriptedModel(PAIRS), datamodule=Reversed(PAIRS, batch_size=2), verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def files(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.*")):
        if path.name == "anchors.csv":  # it holds seconds
            found[path.name] = [{**line, "seconds": ""} for line in read_csv(path)]
        elif path.suffix in (".csv", ".json"):
            found[path.name] = path.read_text()
    return found


@pytest.mark.parametrize("most", [1, 3])
def test_parts_give_the_files_and_metrics_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(collected, "MOST_BATCHES", 1000)
    whole = run(tmp_path / "whole")
    monkeypatch.setattr(collected, "MOST_BATCHES", most)
    assert run(tmp_path / "parts") == whole
    assert files(tmp_path / "parts") == files(tmp_path / "whole")
    assert len(files(tmp_path / "parts")) >= 8


class Counting(ExactMatch):
    def read_part(self, trainer, pl_module, stage, evaluation):
        self.kept = [*getattr(self, "kept", []), len(find_shared(trainer).rows.answers())]
        super().read_part(trainer, pl_module, stage, evaluation)


def test_rows_are_dropped_behind_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collected, "MOST_BATCHES", 4)
    counting = Counting()
    run(tmp_path, counting)
    assert counting.kept == [0] * 5


def test_a_reader_of_all_rows_gets_them_beside_those_of_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class All(RowReader):
        indices: list[int]

        def read_rows(self, trainer, pl_module, stage, evaluation):
            self.indices = [row.index for row in evaluation.rows]

    monkeypatch.setattr(collected, "MOST_BATCHES", 4)
    reader, counting = All(), Counting()
    metrics = run(tmp_path, reader, counting)
    assert reader.indices == list(range(len(PAIRS)))
    assert counting.kept[-1] == len(PAIRS)
    assert metrics["test/spell/exact_match"] == pytest.approx(6 / 9)
