"""Stress test 11: nothing outside the allowlist is imported, wherever it is named; the user opens it with one variable."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import yaml
from jsonargparse._common import parsing_settings

from cli.class_allowlist import VARIABLE, allow_imports
from tests.helpers.parsing import parse
from tests.stress.hostile import arm, check_refused, run_line, variables

PATHS = (
    "evil.Mine", "os.system", "subprocess.Popen", "builtins.eval", "builtins.exec", "torch.hub.load", "torch.load",
    "callbacks.loggers.wandb_logger.os.system", "lightning.pytorch.callbacks.callback.evil.Mine", "importlib.import_module",
    "pickle.loads", "numpy.load", "transformers.AutoModelForCausalLM", "shutil.rmtree", "webbrowser.open",
    "jsonargparse.set_parsing_settings", "cli.class_allowlist.allow_imports",
)  # fmt: skip
Line = tuple[list[str], dict[str, str]]


def _file(path: str, folder: Path, content: dict) -> Line:
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(content))
    return ["fit", "--config", str(file)], {}


def _run(path: str, folder: Path) -> Line:
    run = folder / "run"
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    (run / "checkpoints" / "last.ckpt").touch()
    (run / "config.yaml").write_text(yaml.safe_dump({"trainer": {"callbacks": [{"class_path": path}]}}))
    return ["test", "--ckpt_path", str(run / "checkpoints" / "last.ckpt")], {}


PLACES: dict[str, Callable[[str, Path], Line]] = {
    "callback": lambda path, _: (["fit", f"--trainer.callbacks+={path}"], {}),
    "callbacks as JSON": lambda path, _: (["fit", "--trainer.callbacks", json.dumps([{"class_path": path}])], {}),
    "logger": lambda path, _: (["fit", "--trainer.logger", path], {}),
    "optimizer": lambda path, _: (["fit", "--model.optimizer", path], {}),
    "scheduler": lambda path, _: (["predict", "--model.scheduler", path], {}),
    "an argument of a callback": lambda path, _: (
        ["fit", "--trainer.callbacks+=LambdaCallback", "--trainer.callbacks.on_fit_start", path], {}
    ),
    "file": lambda path, folder: _file(path, folder, {"trainer": {"callbacks": [{"class_path": path}]}}),
    "file, optimizer": lambda path, folder: _file(path, folder, {"model": {"optimizer": {"class_path": path}}}),
    "a run's own configuration": _run,
    "variable": lambda path, _: (
        ["fit"], {"JSONARGPARSE_DEFAULT_ENV": "true", "PL_FIT__TRAINER__LOGGER": path}
    ),
}  # fmt: skip
ALL = list(product(PLACES, PATHS))


@pytest.mark.pitfall(24)
@pytest.mark.parametrize(
    "cases",
    [[(place, "evil.Mine") for place in PLACES], pytest.param(ALL, marks=pytest.mark.stress)],
    ids=["few", "all"],
)
def test_only_classes_of_the_allowlist_are_imported(record_tries, cases, tmp_path: Path, monkeypatch) -> None:
    mark, _ = arm(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def attempt(case: tuple[str, str]) -> None:
        place, path = case
        words, environment = PLACES[place](path, tmp_path)
        said = run_line(words, environment, run=parse)  # what is not refused here would begin a run
        check_refused(said, mark, r"error: [\s\S]*exit 2")
        assert "evil" not in sys.modules

    note = f"{len(PATHS)} paths in {len(PLACES)} places: flags, YAML, a run's config.yaml, the environment"
    record_tries(11, "class paths outside the allowlist", cases, attempt, note)


def test_patois_allow_opens_the_allowlist_and_the_error_names_it(tmp_path: Path, monkeypatch) -> None:
    mark, _ = arm(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(
        parsing_settings, "import_path_verdicts", dict(parsing_settings["import_path_verdicts"])
    )
    words = ["fit", "--trainer.callbacks+=evil.Mine"]
    refused = run_line(words, run=parse)
    assert "PATOIS_ALLOW=evil python train.py" in refused
    assert not mark.exists()
    with variables({VARIABLE: "other, evil"}):
        config = parse(words)
    assert config.fit.trainer.callbacks[-1].class_path == "evil.Mine"
    assert mark.exists(), "the payload is armed"
    del sys.modules["evil"]


@pytest.mark.parametrize("value", ["*", "a b", "my/module.py", "jsonargparse"])
def test_patois_allow_must_hold_names_of_modules(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(ValueError, match=r"Expected PATOIS_ALLOW to be names of modules"):
        allow_imports()
