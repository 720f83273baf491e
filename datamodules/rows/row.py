"""One row of a side of the split or of the file to predict, looked up by its index."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """A row of a stage."""

    index: int
    """Position among the rows of the stage, from 0."""
    task: str
    input: str
    """The input as in the file."""
    target: str | None
    """The correct output; None without a reference (predict)."""
    input_notation: str
    output_notation: str
    phrasing: int = field(default=0, kw_only=True)
    """Which of its task's phrasings asks it, from 0."""
    line: int = field(default=0, kw_only=True)
    """1-based line in its file; 0 for a row without a file."""
    choices: tuple[str, ...] = field(default=(), kw_only=True)
    """The answers that it allows; none if any text can be one."""
    window: int = field(default=0, kw_only=True)
    """Which window of a long input is asked, from 1; 0 if the whole input is."""
    windows: int = field(default=0, kw_only=True)
    """In how many windows the input is asked; 0 if it is asked as a whole."""
    asked: str | None = field(default=None, kw_only=True)
    """The input as the prompt has it, where the task writes it anew (`randomize`) or a window stands in place of the long
    column's text; None if it is the input."""
    others: tuple[str, ...] = field(default=(), kw_only=True)
    """Further outputs that are right, too."""
    normal: str | None = field(default=None, kw_only=True)
    """The input in its notation, without a title behind a SMILES; None if it is `input`."""

    around: tuple[str, str] = field(default=("", ""), kw_only=True)
    """What stands before and behind the gap that the answer fills in."""

    def complete(self, answer: str) -> str:
        """Return the whole text that an answer means: the answer itself, unless it fills in a gap.

        Examples:
            >>> Row(0, "fill", "c1ccccc1?C", None, "text", "smiles", around=("c1ccccc1", "C")).complete("CO")
            'c1ccccc1COC'
        """
        return answer.join(self.around)

    @property
    def meant(self) -> str:
        """The input as a notation reads it."""
        return self.input if self.normal is None else self.normal

    @property
    def targets(self) -> tuple[str, ...]:
        """All correct outputs, `target` first; none without a reference."""
        return () if self.target is None else (self.target, *self.others)
