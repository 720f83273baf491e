from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time

import pytest

from callbacks.loggers import wandb_logger
from callbacks.loggers.wandb_logger import DashboardLogger, axis_of, has_credentials, is_reachable
from tests.helpers.callback_stubs import finish_wandb, read_axes
from tests.helpers.wandb_files import read_name, read_wandb

KEY = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.slow
def test_importing_the_logger_does_not_import_wandb():
    code = "import sys, callbacks.loggers.wandb_logger; sys.exit('wandb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def server():
    """A host that answers every request with 404, or that never answers if `.silent` is set."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.server.silent:
                self.server.ended.wait()
            else:
                self.send_error(404)

        def log_message(self, *_):
            pass

    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.silent = False  # type: ignore[attr-defined]
    host.ended = threading.Event()  # type: ignore[attr-defined]
    host.url = f"http://127.0.0.1:{host.server_port}"  # type: ignore[attr-defined]
    threading.Thread(target=host.serve_forever, daemon=True).start()
    yield host
    host.ended.set()  # type: ignore[attr-defined]
    host.shutdown()


def log_one(folder, known=(), **options):
    """Log metrics to a new run; return the logger."""
    logger = DashboardLogger(save_dir=str(folder), **options)
    logger.higher_is_better.update(known)
    logger.log_metrics(
        {"val/t/exact_match": 0.5, "val/t/exact_match_low": 0.1, "val/loss": 2.0, "epoch": 0}, step=3
    )
    finish_wandb(folder)
    return logger


@pytest.mark.pitfall(26)
def test_without_a_key_the_run_is_offline_and_says_so(tmp_path, wandb_home, capsys):
    logger = log_one(tmp_path / "run")
    message = capsys.readouterr().err
    assert message.count("W&B is offline: no API key") == 1
    assert "wandb sync" in message
    [path] = (tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb")
    assert read_wandb(path)["val/t/exact_match"] == [(0, 0.5)]
    assert (tmp_path / "run" / "wandb_run_id").read_text().strip() == logger.version


@pytest.mark.pitfall(26)
def test_a_dead_host_does_not_stop_the_run(tmp_path, wandb_home, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    log_one(tmp_path / "run")
    assert "http://127.0.0.1:9 did not answer" in capsys.readouterr().err
    assert list((tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb"))


@pytest.mark.pitfall(26)
def test_a_host_that_is_no_wandb_does_not_stop_the_run(tmp_path, wandb_home, monkeypatch, capsys, server):
    monkeypatch.setattr(wandb_logger, "INIT_SECONDS", 2.0)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    log_one(tmp_path / "run")
    message = capsys.readouterr().err
    assert message.count("W&B is offline: ") == 1
    assert list((tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb"))


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_the_mode_of_the_environment_is_respected(tmp_path, wandb_home, monkeypatch, capsys, mode):
    monkeypatch.setenv("WANDB_MODE", mode)
    monkeypatch.setattr(wandb_logger, "is_reachable", lambda *_: pytest.fail("asked the network"))
    log_one(tmp_path)
    assert "W&B is offline" not in capsys.readouterr().err
    assert bool(list(tmp_path.glob("wandb/offline-run-*"))) == (mode == "offline")
    assert (tmp_path / "wandb_run_id").exists() == (mode == "offline")


def test_only_a_run_that_goes_on_keeps_its_wandb_run(tmp_path, wandb_home):
    first = log_one(tmp_path / "a", offline=True, go_on=True)
    again = log_one(tmp_path / "a", offline=True, go_on=True)
    afresh = log_one(tmp_path / "a", offline=True)
    given = log_one(tmp_path / "a", offline=True, go_on=True, version="chosen")
    assert first.version == again.version
    assert afresh.version != first.version
    assert given.version == "chosen"


def test_a_sweep_chooses_its_own_id(tmp_path, wandb_home, monkeypatch):
    (tmp_path / "wandb_run_id").write_text("old\n")
    monkeypatch.setenv("WANDB_RUN_ID", "ofsweep")
    assert log_one(tmp_path, offline=True, go_on=True).version == "ofsweep"


@pytest.mark.pitfall(26)
def test_no_secret_reaches_the_logged_config(tmp_path, wandb_home, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "s3cr3t-value")
    logger = DashboardLogger(save_dir=str(tmp_path), offline=True)
    logger.log_hyperparams({"lr": 0.1, "hub": {"hf_token": "abc"}, "url": "https://me:s3cr3t-value@host"})
    config = dict(logger.experiment.config)
    assert config["lr"] == 0.1
    assert config["hub"] == {"hf_token": "(hidden)"}
    [path] = finish_wandb(tmp_path)
    assert b"s3cr3t-value" not in path.read_bytes()


@pytest.mark.parametrize(
    ("name", "axis"),
    [
        ("val/t/exact_match", {"step_metric": "epoch", "summary": "max"}),
        ("test/t/exact_match_canonical", {"step_metric": "epoch", "summary": "max"}),
        ("val/loss", {"step_metric": "epoch", "summary": "min"}),
        ("val/t/edit_distance", {"step_metric": "epoch", "summary": "min"}),
        ("val/t/edit_similarity", {"step_metric": "epoch", "summary": "max"}),
        ("val/t/exact_match_low", {"step_metric": "epoch", "hidden": True}),
        ("train/loss", {"step_metric": "trainer/global_step", "summary": "min"}),
        ("train/rows_per_second", {"step_metric": "trainer/global_step"}),
    ],
)
def test_axes(name, axis):
    known = {
        "loss": False,
        "exact_match": True,
        "exact_match_canonical": True,
        "edit_distance": False,
        "edit_similarity": True,
    }
    assert axis_of(name, known) == axis


def test_axes_reach_the_run(tmp_path, wandb_home):
    log_one(tmp_path, offline=True, known={"exact_match": True})
    axes = read_axes(tmp_path)
    assert axes["val/t/exact_match"] == ("epoch", "max")
    assert axes["val/loss"] == ("epoch", "min")


def test_credentials_are_found_where_wandb_looks(wandb_home, monkeypatch):
    url = "https://api.wandb.ai"
    assert not has_credentials(url, None)
    assert has_credentials(url, KEY)
    (wandb_home / "netrc").write_text(f"machine api.wandb.ai\n login user\n password {KEY}\n")
    assert has_credentials(url, None)
    assert not has_credentials("https://other.example", None)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert has_credentials("https://other.example", None)


def test_any_answer_is_reachable_and_silence_is_not(server):
    assert is_reachable(server.url)
    assert not is_reachable("http://127.0.0.1:9")
    assert not is_reachable("not a url")
    server.silent = True
    assert not is_reachable(server.url, seconds=0.5)  # it would wait for this host until the end of the test


@pytest.mark.stress
@pytest.mark.parametrize("dead", [True, False])
def test_a_host_without_wandb_costs_less_than_half_a_minute(tmp_path, wandb_home, monkeypatch, server, dead):
    monkeypatch.setattr(wandb_logger, "INIT_SECONDS", 2.0)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9" if dead else server.url)
    start = time.perf_counter()
    log_one(tmp_path / "run")
    assert time.perf_counter() - start < 30


def test_held_logger_opens_no_run_until_it_is_released(tmp_path, wandb_home):
    logger = DashboardLogger(save_dir=str(tmp_path / "run"))
    logger.hold()
    logger.experiment.define_metric("ignored")
    assert not (tmp_path / "run").exists()
    logger.release()
    assert logger.experiment.id
    assert (tmp_path / "run" / "wandb").is_dir()
    finish_wandb(tmp_path / "run")


def test_name_is_the_one_chosen_when_the_data_are_known(tmp_path, wandb_home):
    for place, (given, chosen) in enumerate([("folder", "name-tags-bundled-40"), ("folder", None)]):
        folder = tmp_path / str(place)
        logger = DashboardLogger(save_dir=str(folder), name=given, offline=True)
        logger.hold()
        logger.release(chosen)
        logger.log_metrics({"train/loss": 1.0})
        [path] = finish_wandb(folder)
        assert read_name(path) == (chosen or given)
