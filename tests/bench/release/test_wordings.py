from __future__ import annotations

import numpy as np
import pytest

from bench.release import wordings
from bench.release.wordings import SETTINGS, Setting, ask, measure, summarize, tally, write_page
from bench.studies.results import read_results
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.wordings import Wording
from cli.asking.model import Generated
from datamodules.tasks import load_task
from tests.helpers.fake_opsin import fake_opsin

ROW = EvaluatedRow(
    0,
    "other_name",
    "propan-2-ol",
    "isopropyl alcohol",
    "iupac",
    "iupac",
    prediction="",
    score=0.0,
    stopped=True,
    num_tokens=0,
)
KEPT, COPY, LOST = Wording(True, True), Wording(False, True), Wording(True, False)


class Scripted:
    """Answers each name in turn by a few texts."""

    tasks = {"other_name": load_task("other_name")}  # noqa: RUF012
    texts = ("2-propanol", "propan-2-ol", "propane", "2-propanol")

    def __init__(self):
        self.calls, self.asked = NotationCalls(), []

    def generate(self, task, questions, settings, numbers):
        self.asked.append((settings, list(numbers)))
        return [Generated(self.texts[number % 4], -1.0, True, 4) for number in numbers]


def test_a_row_counts_its_different_other_names_once():
    sums = tally(ROW, ["2-propanol", "propan-2-ol", "propane", "2-propanol"], [KEPT, COPY, LOST, KEPT])
    assert sums[:4].tolist() == [4, 3, 2, 1]
    found = summarize(np.stack([sums, sums]))
    assert (found["kept_meaning"], found["other_wording"], found["wordings"]) == (0.75, 0.5, 1.0)
    assert 0 < found["source_bleu"] < 1
    copies = summarize(tally(ROW, ["propan-2-ol"], [COPY])[None])
    assert copies["source_bleu"] == copies["source_bleu_kept"] == 1
    assert copies["ibleu"] < 0
    nothing = summarize(tally(ROW, ["x"], [LOST])[None])
    assert nothing["kept_meaning"] == nothing["source_bleu_kept"] == 0


def test_each_setting_asks_its_own_way_and_every_row_as_often():
    model = Scripted()
    answers = [
        ask(model, [ROW, ROW], setting)
        for setting in (SETTINGS[0], Setting("sampling", 0.5), Setting("block", 0.25))
    ]
    assert [len(texts) for of_setting in answers for texts in of_setting] == [1, 1, 4, 4, 4, 4]
    (greedy, first), (drawn, numbers), (blocked, _) = model.asked
    assert (greedy.strategy, greedy.block, first) == ("greedy", 0.0, [0, 1])
    assert (drawn.strategy, drawn.temperature, numbers) == ("sample", 0.5, list(range(8)))
    assert (blocked.strategy, blocked.block) == ("greedy", 0.25)


def test_a_measured_line_is_what_the_page_reads(tmp_path):
    with fake_opsin({"propan-2-ol": "CC(C)O", "2-propanol": "CC(C)O", "propane": "CCC"}):
        line = measure(Scripted(), [ROW, ROW], Setting("block", 0.5))
    assert (line["rows"], line["answers"], line["kept_meaning"], line["wordings"]) == (2, 8, 0.75, 1.0)
    sampled = [{**line, "method": "sampling", "value": value, "kept_meaning": kept, "source_bleu": kept / 2}
               for value, kept in ((0.5, 0.9), (1.0, 0.6))]  # fmt: skip
    page = write_page([line, *sampled])
    assert "asked for 4 answers to each of 2 test names" in page
    rows = [text for text in page.splitlines() if text.startswith("| ")]
    assert [text.split(" | ")[0] for text in rows[2:5]] == [
        "| temperature 0.5",
        "| temperature 1",
        "| block 0.5",
    ]
    assert rows[-1].startswith(
        f"| block 0.5 | 0.750 | {line['source_bleu']:.3f} | 0.375 |"
    )  # halfway between 0.9 and 0.6
    outside = write_page([{**line, "kept_meaning": 0.95}, *sampled]).splitlines()[-1]
    assert outside.count(" - ") == 3


def test_the_committed_page_is_written_from_its_lines():
    lines = read_results(wordings.RESULTS, wordings.PARTS)
    assert {Setting(line["method"], line["value"]) for line in lines} == set(SETTINGS)
    assert wordings.PAGE.read_text(encoding="utf-8") == write_page(lines)


def test_results_without_a_part_are_told(tmp_path):
    (tmp_path / "lines.jsonl").write_text('{"method": "block"}\n')
    with pytest.raises(ValueError, match="expected 'value' to be there"):
        read_results(tmp_path / "lines.jsonl", wordings.PARTS)
