from __future__ import annotations

import pytest

from callbacks.reports.page.predictions import compress, draw_molecules, shorten, show_rows
from callbacks.rows.notation_calls import NotationCalls


@pytest.fixture(scope="module")
def calls():
    calls = NotationCalls(workers=1)
    yield calls
    calls.close()


def row(**cells):
    base = {"row": "0", "task": "t", "input": "a", "target": "b", "prediction": "c", "verdict": "wrong", "score": "0",
            "input_notation": "text", "output_notation": "text"}  # fmt: skip
    return {**base, **cells}


def labels(calls, **cells):
    [shown] = show_rows([row(**cells)], calls)
    return [picture.label for picture in shown.pictures]


def test_the_asked_molecule_and_the_answered_one_are_drawn(calls):
    smiles = {"output_notation": "smiles", "target": "CCO"}
    assert labels(calls) == []
    assert labels(calls, **smiles, prediction="CC") == ["asked", "answered"]
    assert labels(calls, **smiles, prediction="CCO", verdict="exact") == ["asked and answered"]
    assert labels(calls, **smiles, prediction="C(", verdict="invalid") == ["asked"]
    names = {"input_notation": "smiles", "input": "CCO", "output_notation": "iupac", "prediction": "methane"}
    assert labels(calls, **names) == ["asked"]
    assert labels(calls, **names, outcome="formula", read_as="C") == ["asked", "answered"]


def test_selfies_are_drawn_and_what_is_too_long_or_no_molecule_is_not(calls):
    wanted = [("selfies", "[C][C][O]"), ("smiles", "CCO"), ("smiles", "C1CC")]
    drawn = draw_molecules(wanted, calls)
    assert drawn[wanted[0]] == drawn[wanted[1]] != []
    assert drawn[wanted[2]] == []
    assert labels(calls, output_notation="smiles", target="C" * 201, prediction="C" * 201) == []


def test_pictures_have_bonds_and_letters_and_nothing_else_of_the_svg(calls):
    svg = calls.draw(["CCO"], 220, 140)["CCO"]
    paths = compress(svg)
    assert sum(fill not in ("", "none") for _, _, _, fill in paths) == 1  # the letters OH
    assert {stroke for _, stroke, _, _ in paths} >= {"", "#e0473c"}
    assert (
        compress(
            svg.replace("</svg>", "<script>alert(1)</script><path d='M 0 0\" onload=x' style=''/></svg>")
        )
        == paths
    )
    assert len("".join(path for path, *_ in paths)) < len(svg) / 2


def test_long_texts_are_cut_in_the_middle():
    assert shorten("short") == "short"
    assert shorten("a" * 50 + "b" * 50, 11) == "aaaaa…bbbbb"
