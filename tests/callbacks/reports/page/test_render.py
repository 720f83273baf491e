from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from callbacks.reports.page.render import write_page
from datamodules.storage.safe_csv import read_csv
from tests.helpers.browser import dump_page, find_sticking_out, why_no_browser
from tests.helpers.kind_runs import write_kinds
from tests.helpers.processor_time import processor_seconds
from tests.helpers.run_folders import ROWS, write_fit, write_test

HOSTILE = "<script>alert(1)</script>\"'&\x00\ud800\u202e"


class Outline(HTMLParser):
    """The elements of a page, their attributes, and the text of each section."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._section, self._inside = "", ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "section":
            self._section = dict(attrs).get("id") or "facts"

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.texts.setdefault(self._section, []).append(data)

    def text(self, section: str) -> str:
        return " ".join("".join(self.texts.get(section, ())).split())

    def cards(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if attributes.get("class") == "row"]


def page_of(run) -> str:
    return write_page(run).read_text(encoding="utf-8")


def test_page_shows_the_numbers_of_the_folder(tmp_path):
    run = write_test(write_fit(tmp_path / "runs" / "mine"))
    outline = Outline(page_of(run))
    summary = json.loads((run / "summary.json").read_text())
    results = outline.text("results")
    for stage in ("fit", "test"):
        for task, metrics in summary[stage]["tasks"].items():
            bounds = [100 * metrics[name] for name in ("exact_match", "exact_match_low", "exact_match_high")]
            assert task in results
            assert "{:.1f} % ({:.1f} to {:.1f})".format(*bounds) in results
    assert "nearest <b>row</b>25.0 %" in results
    assert "draw: 2 of 3 rows leak from training, 1 cannot be answered" in results
    outcomes = outline.text("outcomes")
    for line in read_csv(run / "test" / "error_classes.csv"):
        if int(line["rows"]) and not line["reason"]:
            share, low, high = (100 * float(line[name]) for name in ("share", "low", "high"))
            assert f"{line['meaning']}{line['rows']}{share:.1f} % ({low:.1f} to {high:.1f})" in outcomes
    assert "unbalanced parenthesis (1)" in outcomes
    assert "input length0 to 10333.3 % (6.0 to 79.0)" in outline.text("strata")
    assert "empty" in outline.text("data")
    assert "2 of 2" in outline.text("facts")
    made = outline.text("made")
    assert "python train.py fit --name mine" in made
    assert "--data.batch_size816" in made
    assert "torch" in made
    assert "predict --ckpt_path runs/mine/checkpoints/best.ckpt" in outline.text("next")


def test_curves_have_the_values_of_the_epochs(tmp_path):
    page = page_of(write_fit(tmp_path / "mine"))
    for words in (
        "draw: 50.0 % (30.0 to 70.0) at optimizer step 10", "validation: 0.75 at optimizer step 20", "rows/s: 41 at",
    ):  # fmt: skip
        assert words in page


def test_every_row_is_a_card_with_what_the_filters_read(tmp_path):
    cards = Outline(page_of(write_test(write_fit(tmp_path / "mine")))).cards()
    assert [(c["data-side"], c["data-task"], c["data-kind"], c["data-outcome"]) for c in cards if c["data-side"] == "test"] == [
        ("test", "draw", "right", "exact"), ("test", "draw", "wrong", "formula"), ("test", "draw", "invalid", "invalid"),
        ("test", "spell", "wrong", "different"),
    ]  # fmt: skip
    assert len(cards) == 8


def test_molecules_are_drawn_and_texts_are_not(tmp_path):
    page = page_of(write_test(write_fit(tmp_path / "mine", []), ROWS))
    labels = re.findall(r"<figcaption>(asked.*?|answered)</figcaption>", page)
    assert labels == ["asked and answered", "asked", "answered", "asked"]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium: apt-get install chromium")
def test_filters_hide_the_other_rows_in_a_browser(tmp_path):
    path = write_page(write_test(write_fit(tmp_path / "mine")))
    for chosen, expected in (
        ("side=test&kind=wrong", ["formula", "different"]),
        ("side=test&task=draw", ["exact", "formula", "invalid"]),
        ("outcome=invalid", ["invalid", "invalid"]),
        ("side=test&search=benzene", ["formula"]),
    ):
        cards = Outline(dump_page(f"{path.as_uri()}#rows?{chosen}")).cards()
        assert [card["data-outcome"] for card in cards if "hidden" not in card] == expected, chosen


def test_hostile_cells_flags_and_tasks_stay_text(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_TOKEN", "s3cr3t-value")
    rows = [
        {"task": "<img src=x onerror=alert(3)>", "input": HOSTILE, "target": "<svg onload=alert(4)>", "prediction": HOSTILE,
         "verdict": "invalid", "outcome": "invalid", "reason": "</script><script>alert(5)</script> s3cr3t-value"},
    ]  # fmt: skip
    page = page_of(write_test(write_fit(tmp_path / "<b>bold</b>", rows), rows))
    outline = Outline(page)
    tags = [tag for tag, _ in outline.elements]
    assert tags.count("script") == 1
    assert {"img", "b", "iframe"} & set(tags) == {"b"}  # the page's own, in legends and headings
    assert not [name for _, attributes in outline.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(2)</script>" in outline.text("made")  # a flag's value, as text
    assert "alert(1)" in outline.text("rows")
    assert "<img src=x onerror=alert(3)>" in outline.text("results")
    page.encode("utf-8")


def test_page_hides_secrets_of_a_record(tmp_path, monkeypatch):
    run = write_fit(tmp_path / "mine")
    monkeypatch.setenv("MY_API_TOKEN", "s3cr3t-value")
    record = json.loads((run / "made_by.json").read_text())
    record["commands"][0]["command"] += " --wandb.tags s3cr3t-value"
    (run / "made_by.json").write_text(json.dumps(record))
    page = page_of(run)
    assert "s3cr3t-value" not in page
    assert "--wandb.tags (hidden)" in page


def test_page_asks_nothing_of_another_address(tmp_path):
    page = page_of(write_test(write_fit(tmp_path / "mine")))
    outline = Outline(page)
    assert "default-src 'none'" in page
    assert not {"link", "img", "iframe", "object", "base"} & {tag for tag, _ in outline.elements}
    links = [str(a[name]) for _, a in outline.elements for name in ("src", "href", "action") if name in a]
    assert links
    assert all(link.startswith("#") for link in links)
    assert not re.search(r"https?://|@import|url\(", page)


def test_page_is_the_same_from_the_folder_again(tmp_path):
    run = write_test(write_fit(tmp_path / "mine"))
    first = write_page(run).read_bytes()
    assert write_page(run).read_bytes() == first


def test_page_of_a_run_that_ended_no_epoch(tmp_path):
    outline = Outline(page_of(write_fit(tmp_path / "mine", epochs=0)))
    assert "has not ended an epoch" in outline.text("curves")
    assert "0 of 2" in outline.text("facts")
    assert not outline.cards()


def test_page_of_a_test_without_a_fit(tmp_path):
    outline = Outline(page_of(write_test(tmp_path / "tested")))
    assert "test: test rows" in outline.text("results")
    assert not outline.text("curves")
    assert len(outline.cards()) == len(ROWS)


def test_page_of_a_fit_without_validation(tmp_path):
    run = write_fit(tmp_path / "mine", epochs=0)
    (run / "metrics.csv").write_text("epoch,step,train/loss\n0,4,2.0\n0,9,1.0\n")
    outline = Outline(page_of(run))
    assert "Loss" in outline.text("curves")
    assert "Exact match" not in outline.text("curves")


def test_page_of_many_predictions_is_made_fast_and_is_small(tmp_path):
    rows = [
        {**ROWS[place % 3], "target": f"{'C' * (place % 40 + 1)}O", "input": f"alkanol {place}"} for place in range(1000)
    ]  # fmt: skip
    run = write_test(write_fit(tmp_path / "mine", rows), rows)
    write_page(write_fit(tmp_path / "other"))  # imports
    begun = processor_seconds()
    path = write_page(run)
    assert processor_seconds() - begun < 4  # 1 s on an idle machine
    assert path.stat().st_size < 3_000_000
    assert "150 of 1,000 rows of" in path.read_text()


@pytest.mark.slow
@pytest.mark.skipif(why_no_browser() is not None, reason=str(why_no_browser()))
@pytest.mark.parametrize("write", [write_fit, write_kinds])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_a_phone_or_a_desk(write: Any, width: int, tmp_path: Path) -> None:
    run = write(tmp_path / "runs" / "a_run_with_a_name_that_is_longer_than_most_phones_are_wide")
    assert find_sticking_out(write_page(run).as_uri(), width) == []
