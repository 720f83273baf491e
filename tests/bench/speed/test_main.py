from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.speed import __main__ as bench
from bench.speed.cases import CASES


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The modules that a measurement runs, with their arguments; none is run."""
    calls: list[tuple[str, ...]] = []

    def run(module: str, *words: str) -> list[dict[str, Any]]:
        calls.append((module, *words))
        return [{"trainer": words[0] if words else module}]

    def run_together(names: Any, command: Any, environment: Any, cwd: Any, number: int) -> dict[str, Any]:
        for name in names:
            assert "PATH" in environment(name)
            calls.append(command(name)[2:])
        return {name: {"trainer": name, "epoch_seconds": [1.0, 2.0], "peak_mb": 3.0} for name in names}

    monkeypatch.setattr(bench, "run_module", run)
    monkeypatch.setattr(bench, "run_in_turns", run_together)
    return calls


def test_each_timed_epoch_of_a_trainer_is_a_result(calls: list[tuple[str, ...]]) -> None:
    results = list(bench.measure_training(3))
    runs = [call for call in calls if call[0] == "bench.speed.training.trainers"]
    assert len(runs) == sum(len(case.trainers) for case in CASES)
    assert all(call[call.index("--seed") + 1] == "3" for call in calls)
    assert len(results) == 2 * len(runs)
    first, second = results[:2]
    assert (first["trainer"], first["round"], first["group"], first["epoch"]) == ("patois", 3, 0, 0)
    assert (second["trainer"], second["round"], second["epoch"]) == ("patois", 3, 1)
    assert (first["seconds"], second["seconds"]) == (1.0, 2.0)
    assert second["rows_per_second"] == CASES[0].rows / 2
    assert first["peak_mb"] == 3.0


def test_weights_are_made_before_any_trainer_runs(calls: list[tuple[str, ...]]) -> None:
    list(bench.measure_training(0))
    made = [number for number, call in enumerate(calls) if call[0] == "bench.speed.training.workload"]
    assert made[0] == 0
    assert len(made) == len(CASES)


def test_only_patois_has_the_threads_of_train_py(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    assert "GOMP_SPINCOUNT" in bench.environment("bench.speed.training.trainers", "patois-fast")
    assert "GOMP_SPINCOUNT" not in bench.environment("bench.speed.training.trainers", "hf-best")
    assert "GOMP_SPINCOUNT" not in bench.environment("bench.speed.generation")


def test_compiled_kernels_are_kept_between_rounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path))
    words = ("bench.speed.training.trainers", "hf-compiled")
    assert bench.environment(*words)["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "bench-compiled")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "mine")
    assert bench.environment(*words)["TORCHINDUCTOR_CACHE_DIR"] == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nonsense"], "expected one of training, mfu,"),
        (["mfu", "--rounds", "0"], "expected a whole number, at least 1, but got 0"),
    ],
)
def test_bench_command_refuses_unknown_sections_and_zero_rounds(
    words: list[str], message: str, calls: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.main(words)
    assert message in capsys.readouterr().err
    assert not calls


def test_results_of_a_section_are_measured_and_kept(
    calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(bench, "describe_machine", lambda: {"cores": 2})
    monkeypatch.setattr(
        bench,
        "keep_whole_rounds",
        lambda section, machine, rounds, before: kept.append(
            (section, machine, [list(results) for results in rounds], before)
        ),
    )
    there = {"section": "startup", "round": 4}
    monkeypatch.setattr(bench, "read_results", lambda: [there])
    monkeypatch.setattr(bench, "write_page", lambda results: None)
    for more in (False, True):
        bench.main(["startup", "--rounds", "2", *(["--more"] if more else [])])
        section, machine, rounds, before = kept[-1]
        assert (section, machine) == ("startup", {"cores": 2})
        numbers = [result["round"] for results in rounds for result in results]
        assert (numbers, before) == (([5, 6], [there]) if more else ([0, 1], []))


def test_no_section_on_the_command_line_means_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    monkeypatch.setattr(bench, "describe_machine", dict)
    monkeypatch.setattr(bench, "keep_whole_rounds", lambda section, *_: kept.append(section))
    monkeypatch.setattr(bench, "write_page", lambda results: None)
    bench.main([])
    assert kept == list(bench.SECTIONS)


def test_machine_description_has_litgpts_own_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 0.5.13\n")
    python.chmod(0o755)
    monkeypatch.setenv("LITGPT_PYTHON", str(python))
    assert bench.describe_machine()["litgpt"] == "0.5.13"
    monkeypatch.delenv("LITGPT_PYTHON")
    assert "litgpt" not in bench.describe_machine()
