from __future__ import annotations

from callbacks.rows.headlines import headline_of, headline_of_run
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
