"""Stress test 10: a secret in a flag, a variable, a file or a URL is in nothing that a run leaves or says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import yaml

from tests.helpers.runs import PROJECT, own_table

PATTERNS = {
    "Hugging Face": "hf_" + "aB3dE5" * 6,
    "GitHub": "ghp_" + "Zx9Cv8" * 6,
    "GitHub, fine": "github_pat_" + "11ABCDE_" * 4,
    "GitLab": "glpat-" + "Qw3rTy-" * 3,
    "OpenAI": "sk-proj-" + "Lk8jHg" * 5,
    "W&B": "wandb_v1_" + "Mn7bVc" * 6,
    "AWS": "AKIA" + "Q3EGRT4B" * 2,
    "Google": "AIza" + "Sy7Gh2k" * 5,
    "Slack": "xoxb-" + "293847-5610-aBcDeF",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.s1gn4tur3-0f-1t",
    "a password": "correct-horse-battery",
}
SHAPED = [name for name in PATTERNS if name != "a password"]
Made = tuple[list[str], dict[str, str]]


def _flag(secret: str, folder: Path) -> Made:
    return ["--wandb.tags", f"[{secret}]", f"--wandb.group={secret}", "--wandb.entity", f"Use {secret}."], {}


def _variable(secret: str, folder: Path) -> Made:
    # It gets into the settings as a shell puts it there: `--wandb.group $MY_TOKEN`.
    return ["--wandb.group", secret], {"MY_PASSWORD": secret, "HF_TOKEN": secret, "OTHER_KEY": secret}


def _file(secret: str, folder: Path) -> Made:
    settings = {"wandb": {"tags": [f"a {secret}"], "group": secret, "entity": f"Use {secret}."}}
    (folder / "more.yaml").write_text(yaml.safe_dump(settings))
    return ["--config", str(folder / "more.yaml")], {}


def _url(secret: str, folder: Path) -> Made:
    url = f"https://me:{secret}@localhost:9/a?api_key={secret}&x=1"
    return ["--wandb.tags", f"['{url[:60]}']", "--wandb.group", f"See {url}"], {
        "WANDB_BASE_URL": url, "HF_ENDPOINT": url, "WANDB_API_KEY": "0123456789" * 4, "WANDB_MODE": "online",
    }  # fmt: skip


PLACES: dict[str, Callable[[str, Path], Made]] = {
    "flag": _flag, "variable": _variable, "file": _file, "URL": _url
}  # fmt: skip
ALL = [*product(SHAPED, PLACES), ("a password", "variable"), ("a password", "URL")]


def run(words: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run a fit in a process of its own; return all that it said."""
    done = subprocess.run(
        [sys.executable, str(PROJECT / "train.py"), "fit", *words],
        cwd=folder,
        env={**os.environ, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return f"{done.stdout}\n{done.stderr}\nexit {done.returncode}"


def where_it_is(secret: str, folder: Path) -> list[str]:
    """Return the files below a folder that hold a text, in their bytes or in their names."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if secret in str(path) or (path.is_file() and secret.encode() in path.read_bytes())
    ]


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    "cases",
    [[("Hugging Face", "flag")], pytest.param(ALL, marks=[pytest.mark.stress, pytest.mark.timeout(7200)])],
    ids=["few", "all"],
)
def test_a_secret_is_in_nothing_that_a_run_leaves_or_says(record_tries, cases, tmp_path: Path) -> None:
    def attempt(case: tuple[str, str]) -> None:
        secret = PATTERNS[case[0]]
        name = f"run{len(list(tmp_path.glob('runs/*')))}"
        words, environment = PLACES[case[1]](secret, tmp_path)
        said = run(
            [*own_table(tmp_path), "--trainer.max_epochs", "1", "--name", name, *words], tmp_path, environment
        )
        assert "exit 0" in said, said[-800:]
        assert secret not in said, "in what it said"
        folder = tmp_path / "runs" / name
        names = {path.name for path in folder.rglob("*") if path.is_file()}
        assert {"config.yaml", "best.ckpt", "data.json", "model.safetensors", "debug.log"} <= names
        [kept] = folder.rglob("*.wandb")
        assert b"--trainer.max_epochs" in kept.read_bytes(), (
            "the command line of the run is there to be searched"
        )
        assert where_it_is(secret, folder) == []

    note = f"{len(PATTERNS)} kinds of keys in flags, the environment, YAML and URLs; the whole folder of the run is searched"
    record_tries(10, "secrets in what a run leaves or says", cases, attempt, note)
