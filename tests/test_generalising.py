"""Whole runs that measure how a model generalises: tasks that are never trained, phrasings, demonstrations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import train
from tests.helpers.runs import last_metrics, write_tiny_base
from tests.helpers.small_tables import write_csv

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder of the test's own with two tasks over a table of words, without W&B."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    rows = [[f"a{number}", f"b{number}", f"{number % 7}"] for number in range(120)]
    write_csv(tmp_path / "words.csv", [["word", "other", "digit"], *rows])
    for name, output in {"turn": "other", "count": "digit"}.items():
        (tmp_path / f"{name}.yaml").write_text(
            f"input: {{column: word}}\noutput: {{column: {output}}}\n"
            f"instructions: [Give the {output}., What is the {output}?]\n"
        )


def words(*more: str) -> Sequence[str]:
    """Return the flags of a short run on the two tasks."""
    return [
        "--model.base", write_tiny_base(Path()), "--model.generation.max_new_tokens", "4", "--data.source", "words.csv",
        "--data.val_fraction", "0.2", "--data.test_fraction", "0.2", "--trainer.max_epochs", "1",
        "--trainer.enable_progress_bar", "false", "--data.batch_size", "16", *more,
    ]  # fmt: skip


def test_the_audit_proves_that_a_task_of_weight_0_was_never_trained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    train.main(["fit", "--name", "mine", *words("--data.task", "turn.yaml:1,count.yaml:0")])
    metrics = last_metrics(Path("runs/mine/metrics.csv"))
    assert "val/count/exact_match" in metrics
    assert (
        metrics["val/exact_match"] == metrics["val/turn/exact_match"]
    )  # no held-out task chooses the checkpoint
    capsys.readouterr()
    train.main(["test", "--ckpt_path", "runs/mine"])
    audit = json.loads(Path("runs/mine/test/audit.json").read_text())
    assert audit["pairs"]["count"] == {"rows": 120, "trained": 0}
    assert (
        audit["pairs"]["turn"]["trained"]
        == json.loads(Path("runs/mine/data.json").read_text())["rows"]["train"]
    )
    assert "audit: count, weight 0: none of its 120 pairs was trained on" in capsys.readouterr().out
