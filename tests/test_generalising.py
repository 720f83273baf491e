"""Whole runs that measure how a model generalises: tasks that are never trained, phrasings, demonstrations."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import train
from callbacks.run.row_count_check import RowCountCheck
from tests.helpers.runs import last_metrics, read_csv, write_tiny_base
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
        "--trainer.enable_progress_bar", "false", "--data.batch_size", "16", "--data.format", "labels", *more,
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


def adaptive(*more: str) -> Sequence[str]:
    return words(
        "--data.task", "turn.yaml,count.yaml", "--data.sampling", "adaptive", "--trainer.max_epochs", "4",
        "--checkpoint.minutes", "0", "--model.optimizer.lr", "1e-2", *more,
    )  # fmt: skip


def outcome(run: Path) -> tuple[dict[str, torch.Tensor], Any, list[str]]:
    """Return a run's last weights, the state of its data, and what it logged of the tasks' losses and shares."""
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    rows = read_csv(run / "metrics.csv")
    logged = [str({name: row[name] for name in row if "/share" in name or "/loss" in name}) for row in rows]
    return checkpoint["state_dict"], checkpoint["SequenceTaskDataModule"], logged


def test_adaptive_sampling_resumes_bit_by_bit_within_an_epoch_and_in_its_validation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train.main(["fit", "--name", "whole", *adaptive()])
    weights, data, logged = outcome(Path("runs/whole"))
    assert [epoch for epoch, _ in data["mixing"]["history"]] == [0, 2, 3, 4]
    assert len({str(shares) for _, shares in data["mixing"]["history"]}) > 1
    stops = {"batch": "on_train_batch_start", "validation": "on_validation_batch_start"}
    for name, hook in stops.items():
        with monkeypatch.context() as patch:
            patch.setattr(RowCountCheck, hook, stop_in_epoch_2, raising=False)
            with pytest.raises(SystemExit):
                train.main(["fit", *adaptive("--name", name)])
        train.main(["fit", *adaptive("--name", name, "--ckpt_path", "last")])
        again = outcome(Path("runs") / name)
        assert again[1:] == (data, logged)
        assert all(torch.equal(again[0][key], weights[key]) for key in weights)


def stop_in_epoch_2(callback: Any, trainer: Any, *_: Any) -> None:
    if trainer.current_epoch == 2 and not trainer.sanity_checking and trainer.global_step in (23, 30):
        raise KeyboardInterrupt


def test_a_trap_task_with_shuffled_outputs_loses_its_share() -> None:
    draw = random.Random(0)
    rows = [
        [f"a{number}", "abcdef"[number % 3] * 6, "".join(draw.choices("uvwxyz", k=6))]
        for number in range(160)
    ]
    write_csv(Path("words.csv"), [["word", "other", "digit"], *rows])
    train.main(["fit", "--name", "trap", *adaptive("--trainer.max_epochs", "7")])
    metrics = last_metrics(Path("runs/trap/metrics.csv"))
    assert metrics["val/turn/loss"] < metrics["val/count/loss"]
    assert metrics["train/turn/share"] + metrics["train/count/share"] == pytest.approx(1)
    assert metrics["train/count/share"] < 0.35


def test_every_phrasing_is_asked_and_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    train.main(
        ["fit", "--name", "mine", *words("--data.task", "turn.yaml,count.yaml", "--data.format", "plain")]
    )
    once = last_metrics(Path("runs/mine/metrics.csv"))
    capsys.readouterr()
    train.main(["validate", "--ckpt_path", "runs/mine", "--data.ask", "all"])
    metrics = last_metrics(Path("runs/mine/validate/metrics.csv"))
    for task in ("turn", "count"):
        values = [metrics[f"val/{task}/exact_match_phrasing_{number}"] for number in (1, 2)]
        assert values[0] == once[f"val/{task}/exact_match"]
        assert metrics[f"val/{task}/exact_match"] == pytest.approx(sum(values) / 2)
        assert metrics[f"val/{task}/exact_match_worst"] == min(values)
        assert metrics[f"val/{task}/exact_match_spread"] == pytest.approx(max(values) - min(values))
        assert metrics[f"val/{task}/validity_spread"] >= 0
    summary = json.loads(Path("runs/mine/summary.json").read_text())
    assert summary["validate"]["tasks"]["turn"]["rows"] == summary["fit"]["tasks"]["turn"]["rows"]
    assert len(read_csv(next(Path("runs/mine/validate/predictions").glob("*.csv")))) == 2 * sum(
        task["rows"] for task in summary["fit"]["tasks"].values()
    )
    assert "turn, exact match in 2 phrasings: mean" in capsys.readouterr().out


def test_a_base_is_scored_by_demonstrations_without_training(capsys: pytest.CaptureFixture[str]) -> None:
    train.main(
        [
            "test",
            "--name",
            "base",
            *words("--data.task", "turn.yaml", "--data.shots", "2", "--data.shots_by", "similar"),
        ]
    )
    out = capsys.readouterr().out
    assert "test: test rows, base tiny.yaml, not trained by a run" in out.replace(str(Path.cwd()) + "/", "")
    assert "test/turn/exact_match" in last_metrics(Path("runs/base/test/metrics.csv"))
    assert not Path("runs/base/checkpoints/last.ckpt").exists()


def test_rules_that_only_demonstrations_show_are_trained_with_all_their_answers() -> None:
    train.main(
        ["fit", "--name", "rules", "--model.base", write_tiny_base(Path()), "--model.generation.max_new_tokens", "4",
         "--data.task", "string_rules", "--data.shots", "0-4", "--data.loss_on", "answers", "--data.train_rows", "40",
         "--data.val_rows", "10", "--data.epoch_rows", "16", "--data.batch_size", "4", "--trainer.max_epochs", "1",
         "--trainer.enable_progress_bar", "false", "--data.cache", "false"]
    )  # fmt: skip
    assert "val/string_rules/loss" in last_metrics(Path("runs/rules/metrics.csv"))
