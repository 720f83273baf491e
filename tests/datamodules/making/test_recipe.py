from __future__ import annotations

import pytest

from datamodules.making import recipe
from datamodules.making.recipe import describe_rules, make_chunk
from tests.helpers.runs import PROJECT
from tests.helpers.toy_recipe import Toy


def test_a_chunk_depends_on_seed_and_number_only() -> None:
    first = make_chunk(Toy(), 0, 3, 100)
    assert first.rows.equals(make_chunk(Toy(), 0, 3, 100).rows)
    assert not first.rows.equals(make_chunk(Toy(), 1, 3, 100).rows)
    assert not first.rows.equals(make_chunk(Toy(), 0, 4, 100).rows)


def test_every_candidate_is_a_row_or_has_a_reason() -> None:
    chunk = make_chunk(Toy(), 0, 0, 100)
    assert chunk.generated.total() == 100 == len(chunk.rows) + chunk.dropped.total()
    assert {reason for _, reason in chunk.dropped} == {"odd"}
    assert all(int(number) % 2 == 0 for number in chunk.rows["number"].to_pylist())


def test_the_rules_code_exists_and_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = describe_rules()
    assert before == describe_rules()
    assert all((PROJECT / "datamodules" / name).exists() for name in recipe._RULES)
    monkeypatch.setattr(recipe, "_RULES", recipe._RULES[1:])
    assert describe_rules()["code"] != before["code"]
