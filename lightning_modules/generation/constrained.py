"""Keep generated text to beginnings that can still become a right one. Pure torch; what is right is the caller's.

Letters in shapes: B rows, V vocabulary rows, N rows in all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from lightning_modules.generation.continuous_batching import Chooser

TRIES = 64
"""Tokens that are looked at in a step of a row before it is given up. Each costs one look at the row's text."""


class Constraint(Protocol):
    """What a row's text may be. Both get all that was generated, without special tokens."""

    def may_go_on(self, text: str) -> bool:
        """Return whether a right text may begin with `text`."""
        ...

    def may_end(self, text: str) -> bool:
        """Return whether `text` is right as it is."""
        ...


class ConstrainedChooser:
    """A chooser that takes another token where the first one leaves what a row's constraint allows.

    The other is what the chooser takes when the tokens that are not allowed are left out: the next in probability, or
    drawn with the same random number; after `TRIES` of them the stop token. A row for which none is allowed is given up: it
    goes on free.
    """

    def __init__(
        self,
        choose: Chooser,
        constraints: Sequence[Constraint | None],
        decode: Callable[[list[int]], str],
        stop: int,
    ) -> None:
        """Keep what decides; one object serves one call of `generate`.

        Args:
            choose: Chooses without a constraint, see `choosing.TokenChooser`.
            constraints: N, one a row; None leaves a row free.
            decode: Turns a row's tokens into its text, without special tokens.
            stop: The stop token.
        """
        self.choose, self.constraints, self.decode, self.stop = choose, constraints, decode, stop
        self.replaced = [0] * len(constraints)
        """How many tokens of each row are not those that it would have taken; -1 where it was given up."""
        self._ids: list[list[int]] = [[] for _ in constraints]
        self._text = [""] * len(constraints)

    def __call__(self, logits: Tensor, rows: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens `(B,)` and their log-probabilities `(B,)` under the plain model; see `TokenChooser`."""
        token, log_prob = self.choose(logits, rows, steps)
        chosen = token.tolist()
        for place, (row, step) in enumerate(zip(rows.tolist(), steps.tolist(), strict=True)):
            ids = self._ids[row]
            # A finished row may be asked for as long as its place is not needed; whatever it gets is thrown away.
            finished = step != len(ids) or (ids and ids[-1] == self.stop)
            if self.constraints[row] is None or self.replaced[row] < 0 or finished:
                continue
            if not self._allows(row, first := chosen[place]):
                one = slice(place, place + 1)
                another = self._find_another(row, first, logits[one], rows[one], steps[one])
                if another is None:
                    self.replaced[row] = -1
                    continue
                self.replaced[row] += 1
                token[place] = chosen[place] = another
                values = logits[place].float()
                log_prob[place] += values[another] - values[first]
            ids.append(chosen[place])
            self._text[row] = self.decode(ids)
        return token, log_prob

    def _allows(self, row: int, token: int) -> bool:
        constraint = self.constraints[row]
        assert constraint is not None
        if token == self.stop:
            return constraint.may_end(self._text[row])
        text = self.decode([*self._ids[row], token])
        # A special token adds nothing to the text, and could be taken for ever.
        return len(text) > len(self._text[row]) and constraint.may_go_on(text)

    def _find_another(self, row: int, first: int, logits: Tensor, rows: Tensor, steps: Tensor) -> int | None:
        """Return the token that the chooser takes among those allowed, or None; `first` is not allowed."""
        left, token = logits.float().clone(), first
        for _ in range(TRIES):
            left[0, token] = -torch.inf
            chosen, log_prob = self.choose(left.clone(), rows, steps)
            if not log_prob.isfinite():  # nothing is left
                break
            if self._allows(row, token := int(chosen)):
                return token
        # Rather a whole text than one that can only go wrong, however improbable its end is.
        return self.stop if self._allows(row, self.stop) else None
