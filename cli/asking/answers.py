"""What a model answers: small frozen results, in a list that becomes a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow as pa

from configs.lookup import find_name
from datamodules.sources.output.names import free_names


class Answer(NamedTuple):
    """The answer to one text."""

    text: str | None
    """None if the input cannot be answered; `why` gives the reason."""
    probability: float | None
    """Probability of this text and its stop token under the model, in [0, 1]; None without a text."""
    valid: bool
    """Whether the text is complete and valid in the task's output notation."""
    verified: str
    """The strictest comparison with the input that the text passes: `back` (it means the input's molecule; OPSIN reads names),
    `formula` (its molecule has the same formula), or an empty string."""
    why: str | None
    """Why there is no answer, why it is invalid, or why it could not be verified; otherwise None."""
    probabilities: Mapping[str, float] = MappingProxyType({})
    """Of a task with choices the probability of each one; they add up to 1."""


class Answers(list[Answer]):
    """N answers in the order of the questions.

    Args:
        answers: The answers.
        asked: The table of the questions, N rows: the user's own, or one with the column `input`.
    """

    def __init__(self, answers: Iterable[Answer], asked: pa.Table) -> None:
        super().__init__(answers)
        self.asked = asked

    def to_table(self) -> pa.Table:
        """Return the table of the questions with the answers' columns behind its own; a name that is taken gets a number.

        Of a task with choices, `p_<choice>` holds the probability of each one.
        """
        types = {
            "text": pa.string(),
            "probability": pa.float64(),
            "valid": pa.bool_(),
            "verified": pa.string(),
            "why": pa.string(),
        }
        table = self.asked
        for field, name in free_names(list(types), table.column_names).items():
            table = table.append_column(
                name, pa.array([getattr(answer, field) for answer in self], types[field])
            )
        choices = dict.fromkeys(choice for answer in self for choice in answer.probabilities)
        for choice, name in free_names([f"p_{choice}" for choice in choices], table.column_names).items():
            values = [answer.probabilities.get(choice.removeprefix("p_")) for answer in self]
            table = table.append_column(name, pa.array(values, pa.float64()))
        return table


def read_texts(given: Any, column: str | None, default: str) -> tuple[list[str], pa.Table]:
    """Return the texts to ask and their table.

    Args:
        given: Texts, or a table: of pyarrow or pandas, or of any library that shares its tables with Arrow.
        column: The table's column with the texts; None takes its only column or `default`.
        default: The task's input column.

    Raises:
        ValueError: If it is a single text, or the table has no such column.
    """
    if isinstance(given, str):
        raise ValueError(f"Expected a list of texts, but got a single text: write [{given[:40]!r}].")
    table = _as_table(given)
    if table is None:
        if column is not None:
            raise ValueError(
                f"Expected a table where a column ({column!r}) is named, but got {type(given).__name__}."
            )
        texts = [_as_text(text) for text in given]
        return texts, pa.table({"input": pa.array(texts, pa.string())})
    names = table.column_names
    found = names[0] if column is None and len(names) == 1 else find_name(column or default, names)
    if found is None:
        raise ValueError(f"Expected column= to be one of {', '.join(names)}, but got {column!r}.")
    return [_as_text(text) for text in table.column(found).to_pylist()], table


def list_columns(given: Any) -> list[str]:
    """Return the names of the columns of a table of any library; none of a list of texts.

    Examples:
        >>> list_columns(pa.table({"smiles": ["CCO"]})), list_columns(["CCO"])
        (['smiles'], [])
    """
    names = getattr(given, "column_names", None)
    return [str(name) for name in (getattr(given, "columns", ()) if names is None else names)]


def _as_table(given: Any) -> pa.Table | None:
    """Return a table of any library as one of pyarrow, or None if it is none."""
    if isinstance(given, pa.Table):
        return given
    if not (hasattr(given, "columns") or hasattr(given, "schema")):
        return None
    if hasattr(given, "__arrow_c_stream__"):
        return pa.table(given)
    if hasattr(given, "__dataframe__"):
        from pyarrow.interchange import from_dataframe

        return from_dataframe(given)
    return None


def _as_text(cell: Any) -> str:
    """Return a cell as text; a missing one is empty."""
    cell = cell.as_py() if isinstance(cell, pa.Scalar) else cell
    return cell if isinstance(cell, str) else "" if cell is None or cell != cell else str(cell)
