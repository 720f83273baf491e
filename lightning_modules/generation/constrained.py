"""Restrict generated text to prefixes that can still become valid. Pure torch; the caller defines validity.

Letters in shapes: B rows, V vocabulary rows, N rows in all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from lightning_modules.decoder.forward import widened
from lightning_modules.generation.continuous_batching import Chooser
from lightning_modules.generation.drafts import Begun


class Constraint(Protocol):
    """Decides which texts a row may have. Both methods get the whole generated text, without special tokens."""

    @property
    def tries(self) -> int:
        """Most tokens tried in one step before the row is left free; each try checks the row's text once."""
        ...

    def may_go_on(self, text: str) -> bool:
        """Return whether `text` can be the prefix of a valid text."""
        ...

    def may_end(self, text: str) -> bool:
        """Return whether `text` itself is valid."""
        ...


class ConstrainedChooser:
    """A chooser that replaces a token that violates the row's constraint.

    The replacement is the token that the chooser takes without the disallowed ones: the next most probable, or one drawn
    with the same random number; after the constraint's `tries` disallowed tokens, the stop token. If that is disallowed,
    too, the row continues without its constraint.
    """

    def __init__(
        self,
        choose: Chooser,
        constraints: Sequence[Constraint | None],
        decode: Callable[[list[int]], str],
        stop: int,
        begun: Begun | None = None,
    ) -> None:
        """Create a chooser for one call of `generate`.

        Args:
            choose: Chooses tokens without a constraint, see `sampling.TokenChooser`.
            constraints: N, one per row; None leaves a row free.
            decode: Decodes a row's tokens to its text, without special tokens.
            stop: The stop token.
            begun: What is known of each row already; None if nothing is.
        """
        self.choose, self.constraints, self.decode, self.stop = choose, constraints, decode, stop
        self.replaced: list[int] = [0] * len(constraints) if begun is None else begun.replaced.tolist()
        """Number of replaced tokens of each row; -1 if the row continued without its constraint."""
        self._ids: list[list[int]] = [[] for _ in constraints] if begun is None else begun.to_lists()
        self._text = [decode(ids) if ids else "" for ids in self._ids]

    def __call__(self, logits: Tensor, rows: Tensor, steps: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens `(B,)` and their log-probabilities `(B,)` under the plain model; see `TokenChooser`."""
        token, log_prob = self.choose(logits, rows, steps, last)
        chosen = token.tolist()
        for place, (row, step) in enumerate(zip(rows.tolist(), steps.tolist(), strict=True)):
            ids = self._ids[row]
            # A finished row may stay in its slot until another needs it; its further tokens are discarded.
            finished = step != len(ids) or (ids and ids[-1] == self.stop)
            if self.constraints[row] is None or self.replaced[row] < 0 or finished:
                continue
            if not self._allows(row, first := chosen[place]):
                only = slice(place, place + 1)
                another = self._find_another(row, first, logits[only], rows[only], steps[only], last[only])
                if another is None:
                    self.replaced[row] = -1
                    continue
                self.replaced[row] += 1
                token[place] = chosen[place] = another
                values = logits[place].to(log_prob.dtype)
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
        # A special token adds nothing to the text and could repeat forever.
        return len(text) > len(self._text[row]) and constraint.may_go_on(text)

    def _find_another(
        self, row: int, first: int, logits: Tensor, rows: Tensor, steps: Tensor, last: Tensor
    ) -> int | None:
        """Return the token that the chooser takes among the allowed ones, or None; `first` is disallowed."""
        constraint = self.constraints[row]
        assert constraint is not None
        remaining, token = logits.to(widened(logits.dtype), copy=True), first
        for _ in range(constraint.tries):
            remaining[0, token] = -torch.inf
            chosen, log_prob = self.choose(remaining.clone(), rows, steps, last)
            if not log_prob.isfinite():  # no token remains
                break
            if self._allows(row, token := int(chosen)):
                return token
        # A complete text, however improbable its end, is better than one that can no longer become valid.
        return self.stop if self._allows(row, self.stop) else None
