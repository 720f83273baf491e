from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rdkit import Chem

from datamodules.rows.task_rows import read_task
from datamodules.sources.rows import Rows, SetAside
from datamodules.tasks import Identity, Side, Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool

TASK = Task("name", Side("smiles", "smiles"), Side("name"))


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1) as pool:
        yield pool


def rows_of(columns: dict[str, Any], verified: bool = False, aside: tuple[SetAside, ...] = ()) -> Rows:
    """A source whose first row stands in line 2 of its file, as below a header."""
    table = pa.table(columns)
    lines = np.arange(2, table.num_rows + 2)
    return Rows(table, lines, "mols.csv", list(aside), verified, table.num_rows + len(aside))


def test_molecules_are_normalised_and_every_other_row_is_set_aside_with_its_reason(pool: WorkerPool) -> None:
    unread = SetAside("mols.csv", 9, "broken quotes", '"x')
    rows = rows_of(
        {
            "smiles": ["OCC", "C1CC", " C(C)C ", "", "CCN", "CC</s>", "C1CC"],
            "name": ["ethanol", "ring", "propane", "nothing", " ", "stop", ""],
        },
        aside=(unread,),
    )
    result = read_task(TASK, rows, forbidden=ControlTokens(("</s>",)), pool=pool)
    assert list(result.inputs) == [Chem.CanonSmiles("OCC"), Chem.CanonSmiles("CCC")]
    assert list(result.outputs) == ["ethanol", "propane"]
    assert list(result.originals) == ["OCC", "C(C)C"]
    assert result.lines.tolist() == [2, 4]
    assert result.table_rows.tolist() == [0, 2]
    assert result.set_aside[0] == unread
    assert [(row.line, row.task) for row in result.set_aside[1:]] == [
        (line, "name") for line in (3, 5, 6, 7, 8)
    ]
    assert [row.reason for row in result.set_aside[1:]] == [
        "smiles: unclosed ring",
        "smiles: empty input",
        "name: empty output",
        result.set_aside[4].reason,  # not a SMILES, and the text of a special token: either is a reason
        "smiles: unclosed ring",  # the input's reason where both sides have one
    ]
    assert len(result) + len(result.set_aside) == rows.total


def test_a_special_tokens_text_is_no_part_of_a_row(pool: WorkerPool) -> None:
    task = Task("echo", Side("a"), Side("b"))
    result = read_task(
        task,
        rows_of({"a": ["x", "y</s>"], "b": ["z<pad>z", "w"]}),
        forbidden=ControlTokens(("</s>", "<pad>")),
        pool=pool,
    )
    assert [row.reason for row in result.set_aside] == [
        "b: output holds the special token '<pad>'",
        "a: input holds the special token '</s>'",
    ]


def test_verified_rows_are_taken_as_they_are(pool: WorkerPool) -> None:
    rows = rows_of({"smiles": ["OCC", "C1CC"], "name": ["a", "b"]}, verified=True)
    assert list(read_task(TASK, rows, pool=pool).inputs) == ["OCC", "C1CC"]


def test_rows_to_predict_need_no_output_column(pool: WorkerPool) -> None:
    result = read_task(TASK, rows_of({"smiles": ["OCC"]}), with_output=False, pool=pool)
    assert (list(result.inputs), list(result.outputs)) == (["CCO"], [""])


def test_alternatives_are_valid_inputs_in_their_notation(pool: WorkerPool) -> None:
    task = Task("name", Side("smiles", "smiles", alternatives="others"), Side("name"))
    rows = rows_of(
        {
            "smiles": [["OCC", "C(O)C"], ["C"], ["CC"]],
            "name": ["x", "y", "z"],
            "others": [["C(C)O"], ["C1CC", "[CH4]"], []],
        }
    )
    result = read_task(task, rows, pool=pool)
    assert list(result.inputs) == ["CCO", "C", "CC"]
    assert [result.alternatives[row] for row in range(3)] == [["CCO", "CCO"], ["C"], []]


def test_a_column_can_hold_another_notation_to_convert_from(pool: WorkerPool) -> None:
    task = Task("selfies", Side("smiles", "smiles"), Side("smiles", "selfies", convert_from="smiles"))
    assert list(read_task(task, rows_of({"smiles": ["OCC"]}), pool=pool).outputs) == ["[C][C][O]"]
    with pytest.raises(ValueError, match="'text' cannot be made from 'smiles': it has no from_smiles"):
        read_task(
            Task("t", Side("smiles", "text", convert_from="smiles"), Side("smiles")),
            rows_of({"smiles": ["C"]}),
            pool=pool,
        )


def test_identity_is_the_molecules_whichever_side_it_is_on(pool: WorkerPool) -> None:
    columns = {"smiles": ["C[C@H](N)C(=O)O", "CC(N)C(=O)O"], "name": ["L-alanine", "alanine"]}
    assert list(read_task(TASK, rows_of(columns), pool=pool).identities) == ["QNAYBMKLOCPYGJ"] * 2
    turned = Task("draw", Side("name", "iupac"), Side("smiles", "smiles"))
    assert list(read_task(turned, rows_of(columns), pool=pool).identities) == ["QNAYBMKLOCPYGJ"] * 2
    words = Task("spell", Side("name"), Side("smiles"))
    assert list(read_task(words, rows_of(columns), pool=pool).identities) == columns["name"]


def test_identity_column_wins_and_its_empty_cells_fall_back_to_the_molecule(pool: WorkerPool) -> None:
    task = Task("name", TASK.input, TASK.output, identity=Identity("key", before="-"))
    rows = rows_of({"smiles": ["CCO", "CCO", "C"], "name": ["a", "b", "c"], "key": ["AAA-1", "", "AAA-2"]})
    assert list(read_task(task, rows, pool=pool).identities) == ["AAA", "LFQSCWFLJHTTHZ", "AAA"]


def test_without_sets_more_rows_aside_and_keeps_the_sum(pool: WorkerPool) -> None:
    rows = rows_of({"smiles": ["C", "CC", "CCC"], "name": ["methane", "ethane", "propane"]})
    result = read_task(TASK, rows, pool=pool)
    fewer = result.without({1: "longer than 8 tokens"})
    assert (list(fewer.inputs), fewer.lines.tolist(), fewer.table_rows.tolist()) == (
        ["C", "CCC"],
        [2, 4],
        [0, 2],
    )
    assert [(row.line, row.reason, row.text) for row in fewer.set_aside] == [
        (3, "longer than 8 tokens", "CC")
    ]
    assert (len(result), result.set_aside) == (3, [])  # as it was
