"""The suite's own lines, with sections that do nothing: order, limits, the file and the page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.gpu import suite
from tests.gpu.apart import CutShort
from tests.gpu.place import Place, Result, Section, check
from tests.gpu.suite import SECTIONS, main
from tests.helpers.runs import PROJECT

MACHINE = {"device": "cpu", "cards": 0, "torch": "2"}


def good(place: Place) -> Iterator[Result]:
    yield check("loss", 0.5, 1.0)
    yield {"what": "ours", "shape": "tiny", "batch_size": 4, "format": "arrow", "precision": "fp32", "rows_per_second": 1234.5,
           "tokens_per_second": 5.0, "peak_mb": 7.0, "share_of_matmul": 0.25, "held_out_loss": 1.5}  # fmt: skip


def wrong(place: Place) -> Iterator[Result]:
    yield check("loss", 2.0, 1.0)


def cut(place: Place) -> Iterator[Result]:
    yield check("loss", 0.5, 1.0)
    raise CutShort("past its limit of 30 s")


def of_one(what: str) -> Callable[[Place], Iterator[Result]]:
    return {"good": good, "wrong": wrong, "cut": cut}[what]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run the suite in this process with sections that do nothing; return its status and what it prints."""
    sections = [Section(name, name, 30) for name in ("good", "wrong", "cut")]
    sections.append(Section("needy", "good", 30, needs=("no_such_package",)))
    monkeypatch.setattr(suite, "SECTIONS", sections)
    monkeypatch.setattr(Section, "load", lambda self: of_one(self.function))
    monkeypatch.setattr(suite, "describe", lambda place: iter([MACHINE | {"device": place.device}]))
    monkeypatch.setattr(suite, "run_apart", lambda run, place, seconds: run(place))

    def run_it(*words: str) -> tuple[int, str]:
        return main(["--out", str(tmp_path), *words]), capsys.readouterr().out

    return run_it


def lines_of(folder: Path) -> list[Result]:
    return [json.loads(line) for line in (folder / "gpu.jsonl").read_text().splitlines()]


def test_a_section_ends_with_a_line_and_its_results(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    status, shown = run("--device", "cpu", "good")
    assert status == 0
    line, path = shown.splitlines()
    assert line.startswith("good                done, 1 of 1 checks within their bounds, ours 1,234 rows/s (")
    assert path == str(tmp_path / "gpu.md")
    machine, loss, ours, outcome = lines_of(tmp_path)
    assert machine == {"section": "machine", "of": "good", **MACHINE}
    assert (loss["section"], loss["passed"], ours["rows_per_second"]) == ("good", True, 1234.5)
    assert (outcome["what"], outcome["outcome"]) == ("section", "done")
    page = (tmp_path / "gpu.md").read_text()
    assert "| good | done | 1 of 1 | 0 |" in page
    assert "| tiny, `arrow`, fp32, 4 rows a step | ours | 1,234 | 5 | 7 MB | 25 % | 1.500 |" in page
    assert "- good: device cpu, cards 0, torch 2" in page
    assert "Nothing is measured yet" not in page


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("wrong", "done, 0 of 1 checks within their bounds, loss: 2, bound 1 ("),
        ("cut", "past its limit of 30 s, 1 of 1 checks within their bounds ("),
    ],
)
def test_what_fails_or_is_cut_short_is_told_and_is_the_status(
    run: Callable[..., tuple[int, str]], tmp_path: Path, section: str, said: str
) -> None:
    status, shown = run("--device", "cpu", section, "good")
    assert status == 1
    assert f"{section:<19} {said}" in shown
    assert len([line for line in lines_of(tmp_path) if line["section"] == section]) == 2, (
        "results before the end stay"
    )
    assert f"{'good':<19} done" in shown, "the others go on"


def test_a_section_without_a_package_is_skipped(run: Callable[..., tuple[int, str]]) -> None:
    status, shown = run("--device", "cpu", "needy")
    assert (status, shown.splitlines()[0][:50]) == (0, "needy               skipped: needs no_such_package")


def test_a_section_that_cannot_be_imported_does_not_end_the_others(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(self: Section) -> Callable[[Place], Iterator[Result]]:
        if self.name == "wrong":
            raise ImportError("libcudart.so is missing")
        return of_one(self.function)

    monkeypatch.setattr(Section, "load", load)
    status, shown = run("--device", "cpu", "wrong", "good")
    assert status == 1
    good_line, wrong_line = shown.splitlines()[:2]
    assert good_line.startswith("good                done, 1 of 1 checks")
    assert wrong_line.startswith("wrong               libcudart.so is missing (")


def test_no_section_is_begun_when_the_time_is_over(run: Callable[..., tuple[int, str]]) -> None:
    status, shown = run("--device", "cpu", "--minutes", "0", "good")
    assert status == 1
    assert shown.startswith("good                not begun: no time left (")


def test_new_results_of_a_section_replace_the_old_ones_only(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    for sections in (["good", "wrong"], ["wrong"]):
        run("--device", "cpu", *sections)
    found = [line["of"] if line["section"] == "machine" else line["section"] for line in lines_of(tmp_path)]
    assert sorted(found) == ["good"] * 4 + ["wrong"] * 3


def test_without_a_gpu_nothing_is_run_or_written(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    status, shown = run()
    assert (status, shown) == (
        0, "No GPU that PyTorch sees, so nothing was run. `--device cpu` tries the suite itself.\n"
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_sections_can_be_loaded_and_the_longest_cannot_stop_the_rest() -> None:
    assert all(callable(section.load()) for section in SECTIONS)
    assert all(section.seconds < 60 * suite.MINUTES / 3 for section in SECTIONS)
    assert len({section.name for section in SECTIONS}) == len(SECTIONS)


def run_command(*words: str, limit: int) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu.suite", *words], cwd=PROJECT, capture_output=True, text=True, check=False,
        timeout=limit, env={**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_section_runs_on_a_cpu(tmp_path: Path) -> None:
    shown = run_command("--device", "cpu", "--minutes", "25", "--out", str(tmp_path), limit=1700)
    for section in SECTIONS:
        assert f"{section.name:<19} done" in shown
    assert "patois " in shown


@pytest.mark.gpu
@pytest.mark.timeout(700)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_every_section_runs_on_a_gpu(tmp_path: Path) -> None:
    run_command("--out", str(tmp_path), limit=600)
