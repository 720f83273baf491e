"""The files in configs/studies are W&B sweeps, and each of their cells is a command line that Patois understands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args, load_sweep_config

from bench.studies.cells import QUIET, TEST
from bench.studies.grid import STUDIES, Flags, expand, identity, read_study, words
from callbacks.loggers.wandb_logger import DashboardLogger
from cli.patois_cli import DashboardSettings
from configs.lookup import CONFIGS, find_config
from datamodules.flag_tasks import choose_tasks
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.causal_lm import CausalLM
from lightning_modules.decoder.decoders import resolve_base
from tests.helpers.parsing import ParseOnly

PATHS = sorted(STUDIES.glob("*.yaml"))
# https://docs.wandb.ai/models/sweeps/sweep-config-keys; wandb itself leaves the check to its server.
KEYS = {"program", "entity", "project", "description", "name", "method", "metric", "parameters", "early_terminate",
        "command", "run_cap"}  # fmt: skip


@pytest.fixture(scope="module")
def parser() -> Any:
    """The command line's parser, made once: that takes longer than parsing."""
    return ParseOnly(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=["fit"]).parser


def test_every_planned_study_has_a_file() -> None:
    assert {path.stem for path in PATHS} >= {
        "data_size", "epochs", "format", "base", "pretraining", "lora", "lora_targets", "notation", "tokens", "task_mix",
        "phrasings", "shots", "phonemes",
    }  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_studies_are_wandb_sweeps(path: Path) -> None:
    sweep = load_sweep_config(str(path))
    assert sweep is not None
    assert set(sweep) <= KEYS
    assert (sweep["program"], sweep["method"]) == ("train.py", "grid")
    assert sweep["metric"] == {"name": "val/exact_match", "goal": "maximize"}
    for spec in sweep["parameters"].values():
        assert set(spec) in ({"value"}, {"values"})
        values = spec.get("values", [spec.get("value")])
        assert all(isinstance(value, str | int | float) for value in values)
        assert len(set(values)) == len(values) > 0
    assert create_sweep_command(sweep["command"])[-2:] == ["fit", "${args}"]


def find_sweeps() -> list[Path]:
    """The configurations with a sweep's `method`."""
    return sorted(path for path in CONFIGS.glob("**/*.yaml") if "\nmethod:" in path.read_text(encoding="utf-8"))  # fmt: skip


def test_each_sweep_has_a_name_of_its_own_and_the_project_of_the_runs() -> None:
    sweeps = find_sweeps()
    assert len(sweeps) == len(PATHS) + len(list((CONFIGS / "paper").glob("*.yaml")))
    loaded = {path: load_sweep_config(str(path)) for path in sweeps}
    assert all(set(sweep or ()) <= KEYS for sweep in loaded.values())
    names = {path: (sweep or {}).get("name") for path, sweep in loaded.items()}
    for path, name in names.items():
        assert name, path
        assert path.stem.replace("_", " ") in name, path
    assert len(set(names.values())) == len(sweeps)
    # W&B's agent decides the project of a sweep's runs; another one would hide them from the workspace of the others.
    assert {(sweep or {}).get("project") for sweep in loaded.values()} == {DashboardSettings().project}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_study_cells_differ_are_few_and_have_the_words_of_wandbs_agent(path: Path) -> None:
    cells = expand(read_study(path))
    assert len({identity(cell) for cell in cells}) == len(cells) <= 20
    for cell in cells:
        agents = create_sweep_command_args({"args": {flag: {"value": value} for flag, value in cell.items()}})
        assert agents["args"] == words(cell)


def test_studies_share_no_cell() -> None:
    cells = [identity(cell) for path in PATHS for cell in expand(read_study(path))]
    assert len(set(cells)) == len(cells)


def last_cell(path: Path) -> Flags:
    """The last cell of a study: it has all flags, and what varies is of one type."""
    return expand(read_study(path))[-1]


def test_flags_of_studies_are_parsed_to_their_values(parser: Any) -> None:
    # In one test, so that the parser is made once.
    for path in PATHS:
        cell = last_cell(path)
        config = parser.parse_args(["fit", *words(cell), *QUIET]).fit
        for flag, value in cell.items():
            place = flag.replace("model.optimizer.lr", "model.optimizer.init_args.lr")
            if flag == "model.optimizer":
                assert config.model.optimizer.class_path.endswith(f".{value}")
            else:
                assert config[place] == (None if value == "null" else value), (path.stem, flag)


def test_tasks_bases_and_formats_of_studies_exist() -> None:
    for cell in (cell for path in PATHS for cell in expand(read_study(path))):
        choose_tasks(cell.get("data.task"))
        resolve_base(cell.get("model.base", "builtin"))
        find_config("formats", cell.get("data.format", "arrow"))
        if "phrasings" in str(cell):
            assert cell["data.format"] != "arrow"  # which shows no phrasing


def test_studies_hold_out_a_tenth_of_the_molecules() -> None:
    for path in PATHS:
        shares = [last_cell(path).get(f"data.{side}_fraction", 0.05) for side in ("val", "test")]
        assert sum(shares) == pytest.approx(0.1)


def test_studies_are_tested_with_metrics_and_without_baselines() -> None:
    args = ["test", "--config", str(TEST), *QUIET]
    config = ParseOnly(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=args).config.test
    names = [callback.class_path.split(".")[-1] for callback in config.trainer.callbacks]
    assert "Baselines" not in names
    assert {"ExactMatch", "PhonemeErrors", "RunSummary"} <= set(names)
