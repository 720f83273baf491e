from __future__ import annotations

from datamodules.making.draws import Draws


def test_draws_depend_on_the_key_only() -> None:
    assert [Draws("names 0 1").below(1000) for _ in range(3)] == [Draws("names 0 1").below(1000)] * 3
    draws = Draws("names 0 1")
    assert [draws.below(1000) for _ in range(5)] == [678, 943, 792, 624, 1]


def test_take_gives_different_items() -> None:
    assert sorted(Draws("a").take("abcde", 5)) == list("abcde")
    assert len(Draws("a").take("ab", 5)) == 2
