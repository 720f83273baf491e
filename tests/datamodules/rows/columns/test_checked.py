from __future__ import annotations

from collections.abc import Iterator

import pytest

from datamodules.rows.columns.cells import Rewritten
from datamodules.rows.columns.checked import check_cells, guarded_map
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Side
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1) as pool:
        yield pool


def test_cells_come_in_their_notation_and_each_bad_row_has_its_reason(pool: WorkerPool) -> None:
    side, cells = Side("smiles", "smiles"), TextColumn.of(["OCC", "", "C1CC", "OCC", "C</s>", "C1CC"])
    found = check_cells("input", side, cells, False, ControlTokens(("</s>",)), pool)
    assert [found.values[place] for place in (0, 3)] == ["CCO", "CCO"]
    assert sorted(found.reasons) == [1, 2, 4, 5]
    assert found.reasons[1] == "smiles: empty input"
    assert found.reasons[2] == found.reasons[5]
    assert found.reasons[2].startswith("smiles: unclosed ring")
    assert found.rewritten == Rewritten()


def test_verified_cells_are_taken_as_they_are(pool: WorkerPool) -> None:
    found = check_cells(
        "input", Side("smiles", "smiles"), TextColumn.of(["OCC", "C1CC"]), True, ControlTokens(), pool
    )
    assert (list(found.values), found.reasons) == (["OCC", "C1CC"], {})


def test_guarded_map_leaves_a_text_that_the_notation_refuses(pool: WorkerPool) -> None:
    column = TextColumn.of(["OCC", "C1CC", "OCC"])
    assert list(guarded_map("smiles", "normalize", column, pool)) == ["CCO", "C1CC", "CCO"]
