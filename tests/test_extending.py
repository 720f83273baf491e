"""docs/extending.md is walked through in a copy of the checkout: each extension is made, run, and has its effect."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml
from rapidfuzz.distance import Prefix

from tests.helpers.pages import PAGES, bash_lines, named_files, run_in_turn, run_line
from tests.helpers.runs import PROJECT, last_metrics, read_csv, write_tiny_base

PAGE = PAGES["docs/extending.md"]
FILES = named_files(PAGE)
PARTS = ("callbacks", "cli", "configs", "datamodules", "lightning_modules", "train.py", "patois.py")
LARGE = 1_000_000
SMALL = [
    "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false", "--trainer.log_every_n_steps", "1",
    "--data.train_rows", "48", "--data.val_rows", "10", "--model.generation.max_new_tokens", "8",
]  # fmt: skip


def link_or_copy(source: str, target: str) -> None:
    """Copy a file, but link one of weights or data."""
    if os.path.getsize(source) > LARGE:
        os.symlink(source, target)
    else:
        shutil.copy(source, target)


def copy_checkout(folder: Path) -> None:
    """Copy what runs, so that a walkthrough that adds a module leaves this checkout as it is."""
    for part in (PROJECT / name for name in PARTS):
        if part.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(part, folder / part.name, copy_function=link_or_copy, ignore=ignored)
        elif part.is_file():
            shutil.copy(part, folder)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with the page's files."""
    folder = tmp_path_factory.mktemp("house")
    copy_checkout(folder)
    for name, text in FILES.items():
        assert not (folder / name).exists(), f"the page would overwrite {name}"
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def said(house: Path) -> dict[str, str]:
    """What each command of the page said, run with a tiny base: first those that run no model, then the others in turn."""
    base = ["--model.base", write_tiny_base(house)]
    outputs, runs = {}, {}
    for line in bash_lines(PAGE):
        if " fit " in line:
            runs[line] = [*SMALL, *(base if "--model.base" not in line else [])]
        elif " show " in line:
            runs[line] = ["--data.train_rows", "20"]
        else:
            result = run_line(line, house, [])
            assert result.returncode == 0, (line, result.stdout[-1000:], result.stderr[-2000:])
            outputs[line] = result.stdout
    return outputs | run_in_turn(runs, house)


def only(said: dict[str, str], *words: str) -> str:
    """The output of the one command that holds all the words."""
    [output] = [text for line, text in said.items() if all(word in line for word in words)]
    return output


def test_a_task_of_numbers_goes_by_its_error(said: dict[str, str]) -> None:
    output = only(said, "roman_to_number", " fit ")
    assert "headline (95 %)" in output
    assert " years (" in output


def settings(run: Path) -> dict:
    """A run's configuration."""
    return yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))


def test_extending_page_writes_the_files_it_walks_through() -> None:
    assert [Path(name).suffix for name in FILES].count(".yaml") == 4
    assert "datamodules/notations/roman.py" in FILES
    assert all(line.split("python ")[0] in ("", "PATOIS_ALLOW=my_metrics ") for line in bash_lines(PAGE))


def test_files_of_the_extending_page_are_formatted() -> None:
    for name, text in FILES.items():
        assert max(map(len, text.splitlines())) <= 110, name
        if name.endswith(".py"):
            compile(text, name, "exec")
            assert text.startswith('"""'), name


def test_extending_task_asks_of_its_columns(said: dict[str, str]) -> None:
    shown = only(said, "show", "question_answer")
    assert "number_to_roman, question_answer" in shown
    assert "Roman numeral" in shown


def test_extending_format_makes_prompt_and_completion(said: dict[str, str]) -> None:
    shown = only(said, "show", "equation.yaml")
    assert "= ROMAN⟦" in shown
    assert "NUMBER " in shown


def test_extending_notation_gives_validity_and_sameness(house: Path, said: dict[str, str]) -> None:
    metrics = last_metrics(house / "runs/numerals/metrics.csv")
    assert {
        f"val/number_to_roman/{name}" for name in ("validity", "exact_match", "exact_match_roman_value")
    } <= set(metrics)
    assert settings(house / "runs/numerals")["data"]["output_notation"] == "roman"
    assert "val/number_to_roman/exact_match_roman_value" not in last_metrics(
        house / "runs/measured/metrics.csv"
    )


def test_extending_notation_skips_rows_that_are_not_valid(house: Path, said: dict[str, str]) -> None:
    with_notation, without = (
        [row for row in read_csv(house / f"runs/{name}/set_aside.csv") if "not a Roman numeral" in str(row)]
        for name in ("numerals", "measured")
    )
    assert len(with_notation) == 1
    assert without == []
    assert with_notation[0]["line"] == "1001"


def test_extending_metric_is_logged_with_its_interval(house: Path, said: dict[str, str]) -> None:
    metrics = last_metrics(house / "runs/measured/metrics.csv")
    low, value, high = (
        metrics[f"val/number_to_roman/right_from_start{end}"] for end in ("_low", "", "_high")
    )
    assert 0 <= low <= value <= high <= 1
    rows = read_csv(house / "runs/measured/predictions/val_epoch_0.csv")
    expected = [Prefix.similarity(row["prediction"], row["target"]) / len(row["target"]) for row in rows]
    assert value == pytest.approx(sum(expected) / len(expected), abs=1e-6)


def test_extending_metric_passes_its_own_test(said: dict[str, str]) -> None:
    assert "1 passed" in only(said, "pytest", "test_my_metrics.py")


def test_extending_base_gives_architecture_and_learning_rate(house: Path, said: dict[str, str]) -> None:
    wanted = yaml.safe_load(FILES["my_base.yaml"])
    config = json.loads((house / "runs/based/hf/config.json").read_text())
    assert config["hidden_size"] == wanted["config"]["hidden_size"]
    assert settings(house / "runs/based")["model"]["optimizer"]["init_args"]["lr"] == wanted["learning_rate"]


def test_extending_objective_changes_the_loss(house: Path, said: dict[str, str]) -> None:
    assert settings(house / "runs/smoothed")["model"]["smoothing"] == 0.2
    curves = [
        [
            float(row["train/loss"])
            for row in read_csv(house / f"runs/{name}/metrics.csv")
            if row["train/loss"]
        ]
        for name in ("smoothed", "measured")
    ]
    assert len(curves[0]) == len(curves[1]) > 1
    assert curves[0] != pytest.approx(curves[1], rel=1e-5)


def load(path: Path) -> ModuleType:
    """Import a module of the page into this process."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_extending_objective_without_smoothing_is_the_plain_one(house: Path, smoothing: float) -> None:
    from lightning_modules.causal_lm import CausalLM

    base = write_tiny_base(house, "tiny_too")
    torch.manual_seed(0)
    plain = CausalLM(base=base)
    smooth = load(house / "smooth.py").SmoothedLM(smoothing=smoothing, base=base)
    plain.configure_model()
    smooth.configure_model()
    smooth.decoder.load_state_dict(plain.decoder.state_dict())
    ids = torch.randint(3, 100, (4, 12))
    labels = ids.masked_fill(torch.arange(12) < 5, -100)
    losses, counts, gradients = [], [], []
    for model in (plain, smooth):
        loss, count = model.batch_loss({"input_ids": ids, "labels": labels})
        loss.backward()
        losses.append(loss.item())
        counts.append(count)
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert torch.equal(*counts)
    assert (losses[0] == pytest.approx(losses[1], rel=1e-5)) == (smoothing == 0)
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-4) == (smoothing == 0)


def test_an_objectives_own_flag_is_in_its_help_and_an_error_is_one_line(house: Path) -> None:
    shown = run_line("python smooth.py fit --help", house, [])
    assert "--model.smoothing SMOOTHING" in shown.stdout
    assert "Share of a target's probability" in shown.stdout
    refused = run_line("python smooth.py fit --model.base nowhere_at_all", house, [])
    assert refused.returncode == 1
    assert "nowhere_at_all" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_extending_model_class_cannot_be_named_by_a_flag(tmp_path: Path) -> None:
    result = run_line(
        f"PATOIS_ALLOW=smooth python {PROJECT / 'train.py'} fit --model smooth.SmoothedLM", tmp_path, []
    )
    assert result.returncode == 2
    assert "smooth.SmoothedLM" in result.stderr


def test_extending_page_leaves_this_checkout_alone(said: dict[str, str]) -> None:
    assert [name for name in FILES if (PROJECT / name).exists()] == []
