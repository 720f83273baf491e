from __future__ import annotations

from pathlib import Path

from callbacks.reports.answers.stored import SUFFIX, Answer, AnsweredRows, StoredAnswers

HEAD = {"rows": "r"}


def answer(line: int, row: int = 0, rate: float = -1.0, **cells: object) -> Answer:
    return Answer(row, rate, {"line": line, **cells}, f"why {line}")


def test_rows_come_in_the_order_of_the_file_whatever_the_order_of_their_answers(tmp_path: Path) -> None:
    stored = StoredAnswers(tmp_path / "out.csv", HEAD, 3)
    stored.add({2: answer(7, 2), 0: answer(2, 0)})
    stored.add({1: answer(4, 1)})
    rows = AnsweredRows(stored, [{"line": 5}, {"line": 3}])
    assert [row["line"] for row in rows] == [2, 3, 4, 5, 7]
    assert len(rows) == 5
    assert rows.with_words(2)[1] == "why 4"
    assert rows.with_words(1)[1] is None
    stored.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_command_goes_on_behind_its_answers(tmp_path: Path) -> None:
    stored = StoredAnswers(tmp_path / "out.csv", HEAD, 3)
    stored.add({1: answer(4, 1, p_b=1), 2: answer(2, 2, p_a=1)})
    stored.close()
    again = StoredAnswers(tmp_path / "out.csv", HEAD, 3)
    assert again.answered.tolist() == [False, True, True]
    assert again.path.name == f"out.csv{SUFFIX}"
    again.add({0: answer(9, 0), 1: answer(4, 1, p_b=1)})  # an answer that comes twice counts once
    assert [row["line"] for row in AnsweredRows(again, [])] == [2, 4, 9]
    assert again.columns() == ["line", "p_a", "p_b"]
    again.close()
    other = StoredAnswers(tmp_path / "out.csv", {"rows": "x"}, 3)
    assert (other.changed, other.answered.any()) == (["rows"], False)
    other.close()


def test_of_a_row_in_windows_the_most_probable_answer_counts(tmp_path: Path) -> None:
    stored = StoredAnswers(tmp_path / "out.csv", HEAD, 4)
    stored.add({0: answer(2, 0, -2.0), 1: answer(3, 1, -9.0), 2: answer(3, 1, -1.0), 3: answer(3, 1, -1.0)})
    assert stored.best()[0].tolist() == [0, 2]
    stored.close()
