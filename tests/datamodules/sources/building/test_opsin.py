from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datamodules.sources.building import opsin
from datamodules.sources.building.opsin import Opsin
from tests.helpers.fake_opsin import FakeJava, fake_opsin


@pytest.fixture
def java() -> Iterator[FakeJava]:
    with fake_opsin({"a": "A", "b": "B", "c": "C"}) as fake:
        yield fake


def test_opsin_is_asked_once_for_each_name_also_over_builds(
    java: FakeJava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opsin, "BATCH", 2)
    first = Opsin(tmp_path / "new" / "smiles.tsv", "smi")
    first.ask(["a", "b", "a", "bad"])
    first.ask(["b", "c"])
    assert java.batches == [["a", "b"], ["bad"], ["c"]]
    assert set(java.outputs) == {"smi"}
    assert [first[name] for name in ("a", "bad", "c")] == ["A", "", "C"]
    second = Opsin(tmp_path / "new" / "smiles.tsv", "smi")
    second.ask(["a", "b", "bad", "c"])
    assert len(java.batches) == 3
    assert second.answers == first.answers


def test_warning_is_kept_for_the_next_build(java: FakeJava, tmp_path: Path) -> None:
    first = Opsin(tmp_path / "smiles.tsv", "smi")
    first.ask(["a", "vague", "bad"])
    second = Opsin(tmp_path / "smiles.tsv", "smi")
    assert second.warnings == first.warnings == {"vague": "APPEARS_AMBIGUOUS: Connection of eth to ane"}
    assert second.answers == {"a": "A", "vague": "CC", "bad": ""}


def test_half_written_answer_of_a_killed_build_is_forgotten(java: FakeJava, tmp_path: Path) -> None:
    cache = tmp_path / "smiles.tsv"
    cache.write_text("a\tA\nb\tHAL")
    again = Opsin(cache, "smi")
    again.ask(["a", "b"])
    assert again["b"] == "B"
    assert cache.read_text() == "a\tA\nb\tB\n"
