from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from cli.run import cluster_job
from cli.run.claim import Claim, describe_self
from cli.run.cluster_job import (
    count_restarts,
    describe_fit,
    find_job,
    find_own_run,
    wait_for_first_rank,
    write_record,
)

NAMES = (
    "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_STEPID", "SLURM_RESTART_COUNT", "TORCHELASTIC_RUN_ID",
    "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def in_job(monkeypatch: pytest.MonkeyPatch, job: str, restarts: int = 0, **more: str) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", job)
    monkeypatch.setenv("SLURM_RESTART_COUNT", str(restarts))
    for name, value in more.items():
        monkeypatch.setenv(name, value)


def begin(root: Path, name: str, *words: str, at: float = 0.0) -> None:
    """Begin a run as the fit of these words."""
    (root / name).mkdir(parents=True, exist_ok=True)
    (root / name / "config.yaml").touch()
    write_record(root / name, describe_fit(words))
    os.utime(root / name / "cluster_job.json", (at, at))


def test_a_job_is_slurms_or_that_of_torchrun_with_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (find_job(), count_restarts()) == (None, 0)
    in_job(monkeypatch, "7", restarts=2)
    assert (find_job(), count_restarts()) == ("7", 2)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert find_job() == "7"  # torchrun without an id
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "mine")
    assert find_job() == "mine"


def test_each_fit_of_a_restarted_job_finds_its_own_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_job(monkeypatch, "8")
    begin(tmp_path, "job-8", "fit", "--seed", "9", at=0.0)
    in_job(monkeypatch, "7")
    begin(tmp_path, "job-7", "fit", "--seed", "1", at=1.0)
    begin(tmp_path, "job-7-2", "fit", "--seed", "2", at=2.0)
    begin(tmp_path, "job-7-3", "fit", "--seed", "2", at=3.0)
    in_job(monkeypatch, "7", restarts=1)
    assert find_own_run(tmp_path, describe_fit(["fit", "--seed", "1"])) == tmp_path / "job-7"
    for name in ("job-7-2", "job-7-3"):  # the same words twice: in their order
        assert find_own_run(tmp_path, describe_fit(["fit", "--seed", "2"])) == tmp_path / name
        begin(tmp_path, name, "fit", "--seed", "2", at=4.0)
    assert find_own_run(tmp_path, describe_fit(["fit", "--seed", "2"])) is None
    assert find_own_run(tmp_path, describe_fit(["fit", "--seed", "3"])) is None


def test_the_only_run_of_a_job_is_gone_on_with_by_other_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_job(monkeypatch, "7")
    begin(tmp_path, "job-7", "fit")
    in_job(monkeypatch, "7", restarts=1)
    assert find_own_run(tmp_path, describe_fit(["fit", "--seed", "3"])) == tmp_path / "job-7"


def test_a_run_of_an_earlier_version_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_job(monkeypatch, "7", restarts=1)
    assert find_own_run(tmp_path, describe_fit(["fit"])) is None
    (tmp_path / "job-7").mkdir()
    (tmp_path / "job-7" / "config.yaml").touch()
    assert find_own_run(tmp_path, describe_fit(["fit"])) == tmp_path / "job-7"


@pytest.mark.parametrize("folder", ["job-7-2", "job-7-2/test"])
def test_other_ranks_take_the_folder_that_rank_0_of_their_fit_has_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    in_job(monkeypatch, "7", SLURM_STEP_ID="0")
    dead = {**describe_self(["fit"], **describe_fit(["fit"])), "pid": 2**22 + 1}
    (tmp_path / "job-7").mkdir()
    (tmp_path / "job-7" / ".claim").write_text(json.dumps(dead))
    with Claim(tmp_path / "job-7-1", describe_self(["fit"], **describe_fit(["fit"]))):
        monkeypatch.setenv("SLURM_STEP_ID", "1")
        fit = describe_fit(["fit"])
        assert wait_for_first_rank(tmp_path, fit, seconds=0.3) is None  # another step's is not theirs
        begun = threading.Timer(
            0.5, lambda: Claim(tmp_path / folder, describe_self(["fit"], **fit)).__enter__()
        )
        begun.start()
        assert wait_for_first_rank(tmp_path, fit, seconds=120) == "job-7-2"
        begun.join()


def test_a_rank_does_not_wait_forever(tmp_path: Path) -> None:
    begun = time.monotonic()
    assert wait_for_first_rank(tmp_path, describe_fit([]), seconds=0.1) is None
    assert time.monotonic() - begun < 60
    assert cluster_job.WAIT_SECONDS >= 30
