"""What is handed to other programs: the Dockerfile, the SLURM script, CITATION.cff. None of those programs is here."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from cli.demo import page
from tests.helpers.parsing import parse
from tests.helpers.runs import PROJECT

DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
SLURM = PROJECT / "configs" / "trainer" / "slurm.sh"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and their arguments, comments gone and lines joined."""
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines()]


def pyproject() -> dict:
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def is_ignored(path: str) -> bool:
    patterns = (PROJECT / ".dockerignore").read_text(encoding="utf-8").split()
    parts = Path(path).parts
    whole = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return any(
        fnmatch.fnmatch(part, pattern.removeprefix("**/"))
        for pattern in patterns
        for part in (parts if pattern.startswith("**/") else whole)
    )


def test_dockerfile_has_known_instructions_in_an_order_that_works() -> None:
    words = [word for word, _ in instructions()]
    assert set(words) <= {"FROM", "ARG", "RUN", "COPY", "USER", "WORKDIR", "ENTRYPOINT", "CMD"}
    assert words[0] == "FROM"
    assert words.index("ARG") < next(
        place for place, (_, text) in enumerate(instructions()) if "$DEVICE" in text
    )
    assert words.index("USER") > max(place for place, word in enumerate(words) if word == "RUN")


def test_files_that_the_image_runs_and_copies_exist() -> None:
    found = dict(instructions())
    for source, target in (text.split() for word, text in instructions() if word == "COPY"):
        assert (PROJECT / source).exists()
        assert target.startswith("/patois")
    entry, command = json.loads(found["ENTRYPOINT"]), json.loads(found["CMD"])
    assert entry[0] == "python"
    assert (PROJECT / entry[1].removeprefix("/patois/")).is_file()
    assert parse(command).subcommand == command[0]
    [extras] = re.findall(r'-e "/patois\[([\w,]+)\]"', DOCKERFILE)
    project = pyproject()["project"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    [version] = re.findall(r"^FROM python:(3\.\d+)-slim$", DOCKERFILE, flags=re.MULTILINE)
    assert 10 <= int(version.removeprefix("3.")) <= 13, project["requires-python"]


@pytest.mark.parametrize(("device", "status"), [("cpu", 0), ("cuda", 0), ("tpu", 1)])
def test_image_argument_chooses_where_torch_comes_from(device: str, status: int, tmp_path: Path) -> None:
    [step] = [text for word, text in instructions() if word == "RUN" and "$DEVICE" in text]
    (tmp_path / "pip").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "pip").chmod(0o755)
    paths = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DEVICE": device}
    done = subprocess.run(["sh", "-c", step], env=paths, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert ("whl/cpu" in done.stdout) == (device == "cpu")
    assert done.stdout.rstrip().endswith(" torch") == (status == 0)


def test_dockerignore_leaves_what_the_image_needs() -> None:
    settings = pyproject()
    needed = [
        "pyproject.toml", "constraints.txt", settings["project"]["readme"], *settings["project"]["license-files"],
        *(f"{name}.py" for name in settings["tool"]["setuptools"]["py-modules"]),
        "configs/default.yaml", "datamodules/sources/data/pubchem.parquet", "lightning_modules/builtin/config.json",
    ]  # fmt: skip
    roots = [name.rstrip("*") for name in settings["tool"]["setuptools"]["packages"]["find"]["include"]]
    found = [path for root in roots for path in (PROJECT / root).rglob("__init__.py")]
    needed += [path.relative_to(PROJECT).as_posix() for path in found]
    for path in needed:
        assert (PROJECT / path).is_file(), path
        assert not is_ignored(path), path
    for path in (".git/config", "runs/x/hf/config.json", ".venv-bench/done", "configs/__pycache__/x.pyc"):
        assert is_ignored(path), path


def test_demo_page_of_the_container_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    [flags] = re.findall(r"patois -m cli\.demo\.page (.*)$", DOCKERFILE, flags=re.MULTILINE)
    monkeypatch.setattr("cli.asking.find.default_folder", lambda: Path("x"))
    monkeypatch.setattr("cli.asking.find.describe", lambda *_: None)
    monkeypatch.setattr("cli.asking.model.Model", lambda _: None)
    monkeypatch.setattr("cli.demo.answerer.Answerer", lambda _: None)
    monkeypatch.setattr(page, "build_page", lambda _: "page")
    served: list[object] = []
    monkeypatch.setattr(page, "serve", lambda *arguments: served.extend(arguments))
    page.main(flags.split())
    assert served == ["page", "0.0.0.0", None]


def test_slurm_script_starts_a_fit_and_signals_what_is_handled(tmp_path: Path) -> None:
    from lightning.fabric.plugins.environments import SLURMEnvironment

    text = SLURM.read_text(encoding="utf-8")
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=?(\S*)$", text, flags=re.MULTILINE))
    requeue = SLURMEnvironment().requeue_signal
    assert options["signal"].split("@")[0] == (requeue.name if requeue else "SIGUSR1")
    assert int(options["signal"].split("@")[1]) >= 60
    assert "requeue" in options
    assert options["ntasks-per-node"] == options["gres"].removeprefix("gpu:")
    (tmp_path / "srun").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "srun").chmod(0o755)
    variables = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_SUBMIT_DIR": str(PROJECT), "SLURM_NNODES": "2",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", str(SLURM), "--data.task", "smiles_to_iupac"], env=variables, capture_output=True, text=True, check=True
    )  # fmt: skip
    words = done.stdout.split()
    assert words[:2] == ["python", "train.py"]
    absolute = [str(PROJECT / word) if word.startswith("configs/") else word for word in words[2:]]
    config = parse(absolute).fit
    assert config.trainer.num_nodes == 2
    assert config.trainer.strategy == "ddp"
    assert config.data.task == "smiles_to_iupac"


def test_citation_file_agrees_with_the_project() -> None:
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type"} <= set(citation)
    assert all("name" in one or "family-names" in one for one in citation["authors"])
    project = pyproject()["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    [paper] = citation["references"]
    assert paper["url"].removeprefix("https://arxiv.org/abs/") in paper["identifiers"][0]["value"]
    assert paper["title"] in " ".join((PROJECT / "README.md").read_text(encoding="utf-8").split())
