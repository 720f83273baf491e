"""Questions about passages on compounds, with answers that stand in the passage word for word.

Columns: `passage` (its number: questions about one passage belong on one side of a split), `context`, `question`, `asked`
(both, in one cell), `answer`, `kind` (of the fact that is asked for). Samples have labels drawn at random, so nobody can
answer without the passage. `data/PROVENANCE.md` tells where they come from, and `building` makes them.
"""

from __future__ import annotations

from pathlib import Path

from datamodules.sources.rows import Rows, read_built_in

PATH = Path(__file__).parent / "data" / "compound_questions.parquet"


def load() -> Rows:
    """Return the questions, those of a passage one after the other.

    Raises:
        ValueError: If the data file is missing.
    """
    return read_built_in("compound_questions", PATH)
