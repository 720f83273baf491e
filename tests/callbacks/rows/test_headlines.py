from __future__ import annotations

from callbacks.rows.headlines import (
    MIXED,
    format_headline,
    headline_of,
    headline_of_metrics,
    headline_of_run,
    headlines_of_log,
    join_headlines,
)
from datamodules.choices import Choices
from datamodules.tasks import Side, Task

TEXT = Task("t", Side("a"), Side("b"))
CLASSES = Task("c", Side("a"), Side("b"), choices=Choices(("0", "1")))
OWN = Task("o", Side("a"), Side("b"), choices=Choices(column="options"))
NUMBER = Task("n", Side("a"), Side("b", "number"))


def test_each_kind_has_a_headline_of_its_own() -> None:
    assert [headline_of(task).metric for task in (TEXT, CLASSES, OWN, NUMBER)] == [
        "exact_match", "auroc", "exact_match", "mae_all",
    ]  # fmt: skip
    assert [headline_of(task).mode for task in (TEXT, CLASSES, NUMBER)] == ["max", "max", "min"]


def test_a_run_of_several_kinds_goes_by_its_loss() -> None:
    assert headline_of_run([CLASSES, CLASSES]).metric == "auroc"
    assert headline_of_run([TEXT, OWN]).metric == "exact_match"
    assert headline_of_run([TEXT, NUMBER]) == ("loss", "loss", "min", False)
    assert headline_of_run([]).metric == "exact_match"


def test_files_without_kinds_tell_a_headline_by_what_was_measured() -> None:
    found = headlines_of_log(
        [
            "val/loss",
            "val/auroc",
            "val/a/b/auroc",
            "val/t/exact_match",
            "val/n/mae_all",
            "val/n/exact_match",
            "test/x/auroc",
        ]
    )
    assert {task: one.metric for task, one in found.items()} == {
        "a/b": "auroc",
        "n": "mae_all",
        "t": "exact_match",
    }
    assert join_headlines(found.values()) == MIXED
    assert join_headlines([]).metric == "exact_match"
    assert headline_of_metrics({"accuracy", "log_loss", "exact_match"}).metric == "exact_match"  # own choices


def test_a_headline_that_was_not_measured_is_a_dash() -> None:
    assert format_headline({"rows": 3}) == "-"
    assert format_headline({"auroc": 0.5}, folded=True) == "AUROC\n0.500"
