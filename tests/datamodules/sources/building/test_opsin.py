from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from datamodules.sources.building import opsin
from datamodules.sources.building.opsin import Opsin, jar_path, run_batch


class FakeJava:
    """Answers with the names in capitals; a name `slow` never ends and a name `lost` gets no line."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(
        self, command: list[str], input: bytes, timeout: float, **_: Any
    ) -> subprocess.CompletedProcess[bytes]:
        names = input.decode("ascii").splitlines()
        self.batches.append(names)
        assert command[-2:] == ["--output", "smi"]
        if "slow" in names:
            raise subprocess.TimeoutExpired(command, timeout)
        lines = ["" if name == "bad" else name.upper() for name in names if name != "lost"]
        return subprocess.CompletedProcess(
            command, 0, "".join(f"{line}\r\n" for line in lines).encode(), b"why"
        )


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch) -> FakeJava:
    fake = FakeJava()
    monkeypatch.setattr(opsin.subprocess, "run", fake)
    monkeypatch.setattr(opsin, "jar_path", lambda: Path("opsin.jar"))
    return fake


def test_a_batch_has_one_answer_a_name(java: FakeJava) -> None:
    assert run_batch(["a", "bad", "b"], Path("opsin.jar"), "smi") == ["A", "", "B"]
    assert len(java.batches) == 1


def test_a_name_that_never_ends_counts_as_unreadable(java: FakeJava) -> None:
    assert run_batch(["a", "b", "slow", "c"], Path("opsin.jar"), "smi") == ["A", "B", "", "C"]


def test_a_missing_answer_is_an_error(java: FakeJava) -> None:
    with pytest.raises(RuntimeError, match=r"OPSIN answered 1 lines for 2 names \(exit 0\): why"):
        run_batch(["a", "lost"], Path("opsin.jar"), "smi")


def test_nothing_is_asked_twice_not_even_by_the_next_build(
    java: FakeJava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opsin, "BATCH", 2)
    first = Opsin(tmp_path / "new" / "smiles.tsv", "smi")
    first.ask(["a", "b", "a", "bad"])
    first.ask(["b", "c"])
    assert java.batches == [["a", "b"], ["bad"], ["c"]]
    assert [first[name] for name in ("a", "bad", "c")] == ["A", "", "C"]
    second = Opsin(tmp_path / "new" / "smiles.tsv", "smi")
    second.ask(["a", "b", "bad", "c"])
    assert len(java.batches) == 3
    assert second.answers == first.answers


def test_a_half_written_line_of_a_killed_build_is_forgotten(java: FakeJava, tmp_path: Path) -> None:
    cache = tmp_path / "smiles.tsv"
    cache.write_text("a\tA\nb\tHAL")
    again = Opsin(cache, "smi")
    again.ask(["a", "b"])
    assert again["b"] == "B"
    assert cache.read_text() == "a\tA\nb\tB\n"


def test_without_the_package_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opsin, "find_spec", lambda _: None)
    with pytest.raises(
        ValueError, match="Expected the package py2opsin, but it is not installed: run `make data`"
    ):
        jar_path()
