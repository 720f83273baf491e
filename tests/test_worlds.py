"""An evaluation gives the same texts and metrics on any number of ranks and in batches of any size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import PROJECT, command, last_metrics, own_table, read_csv

WAYS = [(1, 1), (1, 4), (2, 8), (4, 1), (4, 4)]

# Forked ranks, so that PyTorch is imported once for all of them.
EVALUATE = f"""
import sys
sys.path.insert(0, {str(PROJECT)!r})
import train
for world, batch in {WAYS}:
    train.main(["test", "--ckpt_path", "runs/mine/checkpoints/best.ckpt", "--name", f"on{{world}}by{{batch}}",
                "--data.eval_batch_size", str(batch), "--trainer.devices", str(world), "--trainer.accelerator", "cpu",
                "--trainer.precision", "32-true",
                "--trainer.strategy", "auto" if world == 1 else "ddp_fork"])
"""


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the runs: one that was trained, and its test in each way."""
    import os

    folder = tmp_path_factory.mktemp("worlds")
    # Tested on what it was trained on, so that some answers are right: 23 rows, an uneven share on 2 and on 4 ranks.
    flags = own_table(folder)
    (folder / "same.csv").write_bytes((folder / "mols.csv").read_bytes())
    args = ["--data.test_source", "same.csv", "--model.optimizer.lr", "0.01", "--trainer.max_epochs", "50"]
    result = command(
        ["fit", "--name", "mine", *flags, *args, "--trainer.check_val_every_n_epoch", "50"], folder
    )
    assert result.returncode == 0, result.stderr[-3000:]
    environment = {
        **os.environ,
        "WANDB_MODE": "disabled",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    result = subprocess.run(
        [sys.executable, "-c", EVALUATE], cwd=folder, env=environment, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    return folder / "runs"


def of(runs: Path, world: int, batch: int) -> tuple[dict[str, float], list[dict[str, str]]]:
    folder = runs / f"on{world}by{batch}" / "test"
    [table] = (folder / "predictions").glob("test_epoch_*.csv")
    return last_metrics(folder / "metrics.csv"), read_csv(table)


@pytest.mark.pitfall(13)
@pytest.mark.pitfall(3)
@pytest.mark.parametrize(("world", "batch"), WAYS[1:])
def test_texts_and_metrics_are_those_of_one_row_at_a_time(evaluated: Path, world: int, batch: int) -> None:
    expected, rows = of(evaluated, 1, 1)
    metrics, same_rows = of(evaluated, world, batch)
    assert len(rows) % 4 != 0  # some rank has a row less
    assert len({row["prediction"] for row in rows}) > 5  # not one text for all
    assert 0 < expected["test/exact_match"] < 1
    texts = [{name: cell for name, cell in row.items() if name != "score"} for row in rows]
    assert [{name: cell for name, cell in row.items() if name != "score"} for row in same_rows] == texts
    names = [name for name in expected if name.startswith("test/")]
    assert len(names) > 10
    for name in names:
        # Made of log-probabilities, whose last bits depend on the batch.
        if name == "test/loss" or name.rpartition("/")[2].startswith(("ece", "aurc")):
            assert metrics[name] == pytest.approx(expected[name], rel=1e-6)
        else:
            assert metrics[name] == expected[name], name
