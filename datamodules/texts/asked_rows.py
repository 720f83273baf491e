"""The rows of a side, or of a file to predict, and the prompts that ask them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from numpy.typing import NDArray

from datamodules.formats import InstructionFormat
from datamodules.infilling import find_gap
from datamodules.rows.row import Row
from datamodules.texts.rendering import RowStore
from datamodules.texts.windows import WindowedRows
from datamodules.tokens.choice_tokens import ChoiceTokens
from datamodules.tokens.examples import Encoded


def _none() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass
class AskedRows:
    """N rows and P prompts: one of each row, and behind them the further windows of long rows."""

    store: RowStore
    form: InstructionFormat
    places: NDArray[np.int64]
    """(P,) the place in the store of what each prompt asks."""
    windowed: WindowedRows | None = None
    """The windows of all rows of the store, if windows are wanted."""
    has_targets: bool = True
    """False for a file to predict."""
    phrasings: NDArray[np.int64] | None = None
    """(P,) the phrasing of each prompt; None for the first."""
    further: NDArray[np.int64] = field(default_factory=_none)
    """(P - N,) the row of each further window."""
    tokens: Encoded | None = None
    choices: ChoiceTokens | None = None

    @property
    def encoded(self) -> Encoded:
        """The tokens of the P prompts and their targets."""
        assert self.tokens is not None, "these rows are not tokenised yet"
        return self.tokens

    @property
    def num_rows(self) -> int:
        """N, the number of rows."""
        return len(self.places) - len(self.further)

    def add_windows(self, name: str) -> None:
        """Ask the rows in their further windows, too; these are not supervised.

        Args:
            name: What a line for people calls the rows.
        """
        assert self.windowed is not None
        rows, further = self.places, self.windowed.further(self.places)
        order = np.argsort(rows)
        self.further = order[np.searchsorted(rows[order], self.windowed.row_of[further])]
        self.places = np.concatenate([rows, further])
        self.tokens = Encoded.join([self.encoded, self.store.encode(further).prompts_only()])
        cut = int((self.windowed.counts[rows] > 0).sum())
        if cut:
            rank_zero_info(
                f"{name}: {cut:,} of {len(rows):,} rows are asked in {cut + len(further):,} windows."
            )

    def find_row(self, prompt: int) -> int:
        """Return the index of the row that a prompt asks: its own, unless it is a further window."""
        window = prompt - self.num_rows
        return prompt if window < 0 else int(self.further[window])

    def row(self, prompt: int) -> Row:
        """Return the row that a prompt asks, by the prompt's index."""
        number = int(self.places[prompt])
        part, place = self.store.locate(number)
        task, cut = part.task, self.windowed
        window = 0 if cut is None else int(cut.windows[number])
        return Row(
            self.find_row(prompt),
            task.name,
            part.originals[place],
            part.outputs[place] if self.has_targets else None,
            task.input.shown_notation,
            task.output.notation,
            phrasing=0 if self.phrasings is None else int(self.phrasings[prompt]),
            line=int(part.lines[place]),
            choices=part.options(place),
            window=window,
            windows=0 if cut is None else int(cut.counts[cut.row_of[number]]),
            asked=self.store.asked_text(number) if window or task.input.randomize else None,
            normal=part.inputs[place] if cut is None else None,
            others=tuple(part.others[place]) if self.has_targets and part.others is not None else (),
            around=find_gap(part.inputs[place]) if task.input.mask == "spans" else ("", ""),
        )

    def asked_as(self, row: int) -> list[int]:
        """Return the prompts by which a row is asked, by index: its own, and those of its further windows."""
        return [row, *(self.num_rows + int(place) for place in np.flatnonzero(self.further == row))]

    def answer_lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens in each row's target, (N,), including the stop token."""
        return (self.encoded.lengths - self.encoded.prompt_lengths)[: self.num_rows]

    def places_once(self) -> NDArray[np.int64]:
        """Return the places of the rows, each once: without windows and further phrasings."""
        rows = self.places[: self.num_rows]
        return rows if self.phrasings is None else rows[self.phrasings == 0]

    def encode_choices(self) -> ChoiceTokens:
        """Return the tokens of the choices; they are the same in each epoch."""
        if self.choices is None:
            self.choices = self.store.encode_choices(self.places)
        return self.choices

    def affixes(self, prompt: int) -> tuple[str, str]:
        """Return the format's text before and after a row's answer in a generated text."""
        return self.form.affixes(self.store.query(int(self.places[prompt])))

    def extract(self, prompt: int, text: str) -> str:
        """Return the answer in a generated text, without the format's own text; a gap's inside the text that has the gap."""
        number = int(self.places[prompt])
        answer = self.form.extract(text, self.store.query(number))
        has_gap = self.store.locate(number)[0].task.input.mask == "spans"
        return self.row(prompt).complete(answer) if has_gap else answer
