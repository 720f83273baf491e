from __future__ import annotations

import json
import re

import pytest

from cli.help_pages import FOLDER, saved_help
from cli.screen.short_help import GROUPS


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict", "show"])
def test_help_is_short_and_help_all_has_every_flag(command: str) -> None:
    short, full = saved_help([command, "--help"]), saved_help([command, "--help-all"])
    assert short is not None
    assert full is not None
    flags = re.findall(r"^  --([\w.]+)", short, flags=re.MULTILINE)
    assert 15 <= len(flags) <= 42
    assert (" --output " in short) == (command == "predict")
    saved = json.loads((FOLDER / "flags.json").read_text())
    known = {*saved["subcommands"][command], "model.peft.rank", "model.optimizer.lr", "quiet", "help"}
    assert set(flags) - {"help"} <= known
    for flag in saved["subcommands"][command]:
        assert f"--{flag}" in full


@pytest.mark.parametrize("page", sorted(path.name for path in FOLDER.glob("*.txt")))
def test_pages_fit_80_columns(page: str) -> None:
    assert max(map(len, (FOLDER / page).read_text(encoding="utf-8").splitlines())) <= 80


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_who_asks_a_run_sees_no_flags_of_training(command: str) -> None:
    page = saved_help([command, "--help"]) or ""
    for flag in (
        "max_epochs",
        "optimizer.lr",
        "data.batch_size",
        "peft",
        "trainable",
        "train_rows",
        "packing",
        "compile",
    ):
        assert flag not in page.partition("docs/flags.md")[0], flag
    assert " --ckpt_path " in page


def test_flags_stand_in_order_of_use() -> None:
    page = saved_help(["fit", "--help"]) or ""
    places = [
        page.index(f"  --{flag}") for flags in GROUPS.values() for flag in flags if f"  --{flag}" in page
    ]
    assert places == sorted(places)
    assert len(places) > 30


def test_help_says_what_is_true_and_ends_its_sentences() -> None:
    pages = {path.name: " ".join(path.read_text().split()) for path in FOLDER.glob("*.txt")}
    for name, page in pages.items():
        for wrong in (
            "Default: ``",
            "Useful to",
            "never run on your",
            "registry:model-name",
            "[Namespace(",
            "instantiation.Set",
        ):
            assert wrong not in page, name
    assert "resumes from last.ckpt" in pages["fit-all.txt"]
