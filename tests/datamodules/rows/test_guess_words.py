"""What is said of guesses, and where an error or a warning names them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from datamodules.flag_tasks import choose_tasks
from datamodules.rows.guess_notations import Guess, guess_from_rows, guess_notation
from datamodules.rows.guess_words import describe
from datamodules.sources.rows import built_in
from datamodules.workers.guarded_worker import GuardedWorker
from tests.helpers.guessing import SMILES, make


def test_one_line_says_what_was_guessed_and_how_to_change_it(worker: GuardedWorker) -> None:
    guesses = [
        guess_notation("input", "mol", SMILES, worker),
        guess_notation("output", "active", ["0", "1"] * 5, worker),
    ]
    assert describe(guesses) == (
        "Guessed from the cells: 'mol' is smiles (8 of 8 cells; 1 rewritten, such as OCC to CCO), 'active' is text. "
        "To change it: --data.input_notation NAME, --data.output_notation NAME"
    )
    text = guess_notation("output", "Linear Formula", ["CH3CH2OH", "CO2"], worker)
    assert "'Linear Formula' is text (1 of 2 cells look like formula)" in describe([text])
    header = guess_notation("input", "smiles", [], worker)
    assert "'smiles' is smiles (by its header: there are no cells)" in describe([header])


def test_where_nothing_can_be_used_the_error_names_the_guess(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,b\nC1CC,x\nC1CCC,y\n")
    with pytest.raises(
        ValueError,
        match=r"Guessed notations: 'smiles' is smiles \(--data.input_notation\); text takes a column as it is",
    ):
        make(path, input_column="smiles").setup("fit")
    with pytest.raises(ValueError, match=r"got none\. (?!.*Guessed)"):
        make(path, input_column="smiles", input_notation="smiles", output_notation="text").setup("fit")


def test_where_most_rows_fail_a_warning_names_the_guess(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,b\nC1CC,x\nC1CCC,y\nCCO,z\nC1CCCC,\nCCN,\n")
    make(path, input_column="smiles").setup("fit")
    assert (
        "Only 1 of 5 rows can be used. Guessed notations: 'smiles' is smiles (--data.input_notation)"
        in caplog.text
    )


def test_only_the_guess_of_the_column_that_rows_fail_in_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,b\nCCO,\nCCC,\n")
    with pytest.raises(ValueError, match=r"'b' is text \(--data.output_notation\); text takes") as caught:
        make(path, input_column="smiles").setup("fit")
    assert "'smiles' is" not in str(caught.value)


def test_joined_columns_are_text_and_nothing_is_said_of_their_cells() -> None:
    assert "'context,question' is text (as several columns joined are)" in describe(
        [Guess("input", "context,question", "text", 0, 0)]
    )
    assert "(by its header: there are no cells)" in describe([Guess("input", "smiles", "smiles", 0, 0)])


def test_a_text_column_of_mostly_numbers_says_so() -> None:
    cells = [*(f"{n}.25" for n in range(90)), *(f"1,{n:03}.5" for n in range(10))]
    rows = built_in("t", pa.table({"a": [f"x{n}" for n in range(100)], "b": cells}))
    [task], _ = choose_tasks(None, "a", "b")
    told = describe(guess_from_rows([task], ("output", "kind"), rows))
    assert (
        "'b' is text (90 % of the cells are numbers; --data.output_notation number sets the others aside)"
        in told
    )
    few = built_in("t", pa.table({"a": ["x"] * 100, "b": [*cells[:40], *(f"w{n}" for n in range(60))]}))
    assert "numbers" not in describe(guess_from_rows([task], ("output", "kind"), few))
