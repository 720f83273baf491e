from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

import datamodules.sources
from datamodules.notations import smiles

pytest.importorskip("partialsmiles")
DATA = Path(datamodules.sources.__file__).parent / "data"


def read_molecules(step):
    return pq.read_table(DATA / "pubchem.parquet", columns=["smiles"])["smiles"].to_pylist()[::step]


def test_every_prefix_of_a_molecule_may_continue():
    """Written canonically and otherwise; with metals, radicals and charges."""
    odd = [
        "CC[Ge](CC)(CC)CC",
        "O=[As]([O-])([O-])[O-].[Pb+2]",
        "c1ccc([Si](c2ccccc2)c2ccccc2)cc1",
        "[O-][Cl+3]([O-])([O-])[O-]",
    ]
    molecules = [*odd, *read_molecules(6000)]
    molecules += [smiles.randomize(text, 1) for text in molecules]
    for text in molecules:
        assert smiles.may_end(text), text
        for length in range(len(text) + 1):
            assert smiles.may_go_on(text[:length]), text[:length]


@pytest.mark.parametrize(
    "text",
    ["C)", "(C", "CC(C)(=O)O", "CC(C)(=", "C=F(", "BrC#Br", "CBr(C", "C1CC1(C)(C)", "c1cccc1C", "[b]Br", "C==", "C C", "CCO>",
     "*", "[Jx", "[J", "C(()", "CC1C1C", "N(=O)(=O)C", "é", "x" * 1001],
)  # fmt: skip
def test_prefixes_of_no_molecule_may_not_continue(text):
    assert not smiles.may_go_on(text)


@pytest.mark.parametrize("text", ["", "C(", "CC=", "c1ccccc", "[NH", "[", "C[G", "C%1", "c1cc", "C."])
def test_prefix_that_may_continue_need_not_be_complete(text):
    assert smiles.may_go_on(text)
    assert not smiles.may_end(text)


def test_complete_smiles_are_judged_by_rdkit():
    assert smiles.may_go_on("CccC")
    assert not smiles.may_end("CccC")  # aromatic, and no ring
    assert smiles.may_end("c1ccccc1")
    assert not smiles.may_end("[O]1")  # partialsmiles stumbles
