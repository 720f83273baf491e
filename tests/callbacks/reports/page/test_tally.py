from __future__ import annotations

from collections.abc import Iterator

from callbacks.reports.page.tally import tally


def row(**cells: str) -> dict[str, str]:
    return {"row": "0", "task": "t", "target": "b", "prediction": "c", "verdict": "wrong", **cells}


def test_rows_are_chosen_from_each_outcome_of_each_task() -> None:
    rows = [row(row=str(i), task=task, verdict=verdict) for i, (task, verdict) in enumerate(
        [("t", "wrong")] * 50 + [("t", "invalid")] + [("u", "exact")])]  # fmt: skip
    assert [one["row"] for one in tally(rows, 4).shown] == ["0", "1", "50", "51"]
    assert tally(rows, 100).shown == rows


def test_all_rows_are_counted_in_one_pass_and_few_are_kept() -> None:
    passes = []

    def read() -> Iterator[dict[str, str]]:
        passes.append(1)
        for number in range(5_000):
            yield row(
                row=str(number), task="tu"[number % 2], verdict=("wrong", "exact", "invalid")[number % 3]
            )

    found = tally(read(), 10)
    assert passes == [1]
    assert (found.total, len(found.shown)) == (5_000, 10)
    assert found.count_rows() == {"t": 2_500, "u": 2_500}
    assert sum(found.kinds.values()) == 5_000
    assert set(found.kinds) == {
        (task, *kind)
        for task in "tu"
        for kind in (("wrong", "wrong"), ("right", "exact"), ("invalid", "invalid"))
    }
    assert found.first["u"]["row"] == "1"
    assert not found.taken


def test_choices_are_counted_by_what_they_were_taken_for() -> None:
    rows = [row(target="a", prediction=answer, p_a="0.4", p_b="0.6") for answer in "aab"]
    assert tally([*rows, row()]).taken == {("t", "a", "a"): 2, ("t", "a", "b"): 1}
