from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from datamodules.sources.building import small
from datamodules.sources.building.questions import stands_once
from datamodules.sources.shipped import SHIPPED
from tests.helpers.small_sets import load_checked, read_counts


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return load_checked(SHIPPED["compound_questions"]).to_pylist()


def test_answers_stand_in_their_passage(rows: list[dict[str, Any]]) -> None:
    assert list(rows[0]) == ["passage", "context", "question", "asked", "answer", "kind"]
    assert len(rows) > 9000
    assert (
        max(len(row["asked"]) for row in rows) < 540
    )  # fits into the default length, 256 tokens of the bundled base
    for row in rows:
        assert row["answer"] in row["context"]
        assert row["answer"] not in row["question"]
        assert row["asked"] == f"{row['context']} {row['question']}"
        if not row["kind"].startswith("sample_by_"):
            assert stands_once(row["answer"], row["context"])


def test_kinds_and_passages_are_counted(rows: list[dict[str, Any]]) -> None:
    kinds = Counter(row["kind"] for row in rows)
    assert len(kinds) == 10
    assert min(kinds.values()) > 200
    passages = {row["passage"]: row["context"] for row in rows}
    assert (
        len(passages) == read_counts(SHIPPED["compound_questions"])["passages"] == len(set(passages.values()))
    )


def test_rows_are_those_that_the_builder_makes_of_our_tables(rows: list[dict[str, Any]]) -> None:
    built, _ = small.build_compound_questions()
    assert built == rows
