from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from cli.main import main
from cli.screen.quiet_libraries import silence_libraries
from datamodules.workers.opsin import is_installed
from tests.helpers.runs import PROJECT


def test_lines_of_lightning_are_hidden_and_ours_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    silence_libraries()
    for text in (
        "TPU available: False, using: 0 TPU cores",
        "Seed set to 0",
        "`Trainer.fit` stopped: `max_epochs=1` reached.",
    ):
        rank_zero_info(text)
    rank_zero_info("Data: a.csv (3 rows)")
    assert capsys.readouterr().err == "Data: a.csv (3 rows)\n"


def test_weights_load_without_a_bar() -> None:
    from transformers.utils import logging

    silence_libraries()
    assert not logging.is_progress_bar_enabled()


@pytest.mark.parametrize("quiet", [False, True])
def test_predict_into_files_has_no_bars_and_begins_at_once(tmp_path: Path, quiet: bool) -> None:
    table = tmp_path / "new.csv"
    table.write_text("smiles\nCCO\n")
    words = [sys.executable, str(PROJECT / "train.py"), "predict", "--data.predict_path", str(table)]
    done = subprocess.run(
        [*words, *(["--quiet"] if quiet else [])], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "WANDB_MODE": "offline"},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Predictions of 1 rows: ")
    assert len(lines) == (1 if quiet else 2)
    assert "\r" not in done.stdout + done.stderr
    if quiet:
        assert done.stderr == ""
    else:
        first, *others = done.stderr.splitlines()
        assert first == "predict: loading PyTorch ..."
        assert [line.split(":")[0] for line in others] == ["predict"] * (2 if is_installed() else 1)


def test_a_mistake_is_told_in_quiet_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fit", "--quiet", "--nme", "a"])
    assert "did you mean" in capsys.readouterr().err.lower()
    assert "PATOIS_QUIET" not in os.environ
