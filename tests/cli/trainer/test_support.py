"""All public features of Lightning are in configs/lightning.yaml; what works is run, what is refused ends in one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path
from typing import Any, get_args

import lightning.pytorch as pl
import pytest
from lightning.fabric import connector
from lightning.pytorch import accelerators, callbacks, loggers, plugins, profilers, strategies
from lightning.pytorch.accelerators import AcceleratorRegistry
from lightning.pytorch.plugins import environments, io, precision
from lightning.pytorch.strategies import StrategyRegistry

from cli.trainer.sharding_check import SHARDED
from cli.trainer.support import FLAGS, Feature, explain_name, find_feature, read_features, why_not
from tests.helpers.lightning_table import PAGE, put_tables
from tests.helpers.parsing import parse
from tests.helpers.runs import own_table

FEATURES = read_features()
WORKS = [one for one in FEATURES if one.works is not None]
REFUSED = [one for one in FEATURES if one.refused is not None]
TOGETHER = ("callbacks", "flags")
"""Kinds whose features can be used in one fit."""
BESIDE = ("strategies", "precisions", "loggers", "profilers", "accelerators")
"""Kinds of which a fit can use one feature each."""

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("plain_cluster")]


@pytest.fixture
def plain_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that TorchElasticEnvironment, KubeflowEnvironment and SLURMEnvironment read, for one process."""
    for name in ("RANK", "LOCAL_RANK", "GROUP_RANK", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"):
        monkeypatch.setenv(name, "0")
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "1")


def classes_of(module: Any) -> set[str]:
    return {name for name, value in vars(module).items() if inspect.isclass(value) and name[0] != "_"}


def public_names() -> dict[str, set[str]]:
    """Return all public features of the installed Lightning, by kind."""
    typed: tuple[Any, ...] = (connector._PRECISION_INPUT_STR, connector._PRECISION_INPUT_STR_ALIAS)
    return {
        "callbacks": set(callbacks.__all__),
        "strategies": {*strategies.__all__, *StrategyRegistry.available_strategies(), "auto"},
        "precisions": {name for literal in typed for name in get_args(literal)},
        "loggers": set(loggers.__all__),
        "plugins": {
            *plugins.__all__,
            *classes_of(environments),
            *classes_of(io),
            *classes_of(precision),
        },
        "profilers": {*profilers.__all__, "simple", "advanced", "pytorch", "xla"},
        "accelerators": {
            *(name for name in accelerators.__all__ if name[0].isupper()),
            *AcceleratorRegistry.available_accelerators(),
            "auto",
            "gpu",
        },
        "flags": set(inspect.signature(pl.Trainer.__init__).parameters) - {"self"},
    }


@pytest.mark.parametrize("kind", FLAGS)
def test_every_public_feature_of_lightning_is_in_the_file(kind: str) -> None:
    missing = {name for name in public_names()[kind] if find_feature(FEATURES, kind, name) is None}
    assert not missing, f"add them to configs/lightning.yaml: {sorted(missing)}"


@pytest.mark.parametrize("kind", FLAGS)
def test_every_feature_in_the_file_is_one_of_lightning(kind: str) -> None:
    patterns = [one.name for one in FEATURES if one.kind == kind]
    public = public_names()[kind]
    own = {SHARDED}  # the one word that Lightning does not know
    unknown = [name for name in patterns if not any(fnmatchcase(one, name) for one in public | own)]
    assert not unknown, f"Lightning has no such {kind} any more: {unknown}"


def test_page_shows_the_features_of_today() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == put_tables(page), "run `python -m tests.helpers.lightning_table`"


def fits() -> list[Any]:
    """Return the features of each fit: all that may share one, and each of the others alone."""
    singly = [one for one in WORKS if one.alone or one.slow or one.kind not in (*TOGETHER, *BESIDE)]
    rest = [one for one in WORKS if one not in singly]
    shared = [[one for one in rest if one.kind == kind] for kind in TOGETHER]
    beside = zip_longest(*([one for one in rest if one.kind == kind] for kind in BESIDE))
    groups = (
        [[one] for one in singly] + shared + [[one for one in group if one is not None] for group in beside]
    )
    return [
        pytest.param(
            group,
            id="+".join(one.name for one in group) if len(group) < 9 else f"all {group[0].kind}",
            marks=[pytest.mark.slow] if group[0].slow else [],
        )
        for group in groups
    ]


@pytest.mark.parametrize("group", fits())
def test_what_works_is_fitted_and_its_configuration_reads_back(
    run_in: Callable[..., Path], tmp_path: Path, group: list[Feature], capsys: pytest.CaptureFixture[str]
) -> None:
    missing = [one.package for one in group if not one.is_installed]
    if missing and len(group) == 1:
        pytest.skip(f"needs {missing[0]}")
    group = [one for one in group if one.is_installed]
    words = [word for one in group for word in one.words]
    table = [*own_table(tmp_path), "--trainer.max_epochs", "1", "--trainer.accelerator", "cpu"]
    runs = run_in("fit", "--name", "x", *table, "--trainer.limit_train_batches", "2", *words)
    capsys.readouterr()
    if "--trainer.fast_dev_run" in words:
        assert not (runs / "x" / "config.yaml").exists()
        return
    if "--trainer.logger" not in words or "false" not in words:
        assert (runs / "x" / "metrics.csv").is_file()
    assert (runs / "x" / "hf" / "model.safetensors").is_file()
    parse(["fit", "--config", str(runs / "x" / "config.yaml")])


def words_of(feature: Feature) -> list[str]:
    name = feature.name.strip("*")
    if feature.kind == "flags":
        return [f"--trainer.{name}", "true"]
    if feature.kind == "callbacks":
        return [f"--trainer.callbacks+={name}", *ARGUMENTS.get(name, ())]
    by_class = ".class_path" if feature.kind == "strategies" and name[0].isupper() else ""
    return [f"{FLAGS[feature.kind]}{by_class}", name, *ARGUMENTS.get(name, ())]


ARGUMENTS = {
    "StochasticWeightAveraging": ["--trainer.callbacks.swa_lrs=1e-3"],
    "ModelPruning": ["--trainer.callbacks.pruning_fn=l1_unstructured"],
    "DeepSpeedPrecision": ["--trainer.plugins.precision=32-true"],
    "FSDPPrecision": ["--trainer.plugins.precision=32-true"],
    "BitsandbytesPrecision": ["--trainer.plugins.mode=nf4"],
}
"""Words without which a class cannot be named."""


@pytest.mark.parametrize("feature", REFUSED, ids=lambda one: f"{one.kind}-{one.name}")
def test_what_is_refused_ends_in_one_line_and_leaves_nothing(
    run_in: Callable[..., Path], tmp_path: Path, feature: Feature, capsys: pytest.CaptureFixture[str]
) -> None:
    table = own_table(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        run_in("fit", *table, *words_of(feature))
    code = stopped.value.code
    lines = capsys.readouterr().err.splitlines() if code == 2 else str(code).splitlines()
    [line] = [line for line in lines if not line.startswith(("See `", "fit: loading PyTorch"))]
    assert line.startswith("error: ")
    assert code in (1, 2) or isinstance(code, str)  # a text is status 1
    assert str(feature.refused)[:40] in line or "default_root_dir" in line
    assert not (tmp_path / "runs").exists()


def test_missing_package_is_told_with_the_command_that_installs_it() -> None:
    feature = Feature("loggers", "MyLogger", works="", package="my-logger", modules=("no_such_module",))
    assert why_not(feature) == (
        "--trainer.logger MyLogger needs a package that is not installed: pip install my-logger"
    )


@pytest.mark.parametrize(
    "feature", [one for one in FEATURES if one.package and not one.is_installed], ids=lambda one: one.name
)
def test_every_feature_of_a_missing_package_is_one_line(
    run_in: Callable[..., Path], tmp_path: Path, feature: Feature, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_in("fit", *own_table(tmp_path), *words_of(feature))
    told = str(stopped.value.code) if stopped.value.code != 2 else capsys.readouterr().err
    assert f"pip install {feature.package}" in told
    assert not (tmp_path / "runs").exists()


def test_unknown_name_gets_the_nearest_one() -> None:
    message = 'Parser key "trainer.callbacks":\n  Errors:\n    - Expected\n  Given value: EarlyStoping'
    assert "Did you mean 'EarlyStopping'?" in explain_name(message, FEATURES)
    assert explain_name("another message", FEATURES) == "another message"
