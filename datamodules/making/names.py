"""The recipe `names`: names made from training names and by rules, read by OPSIN."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rdkit import Chem, rdBase

from datamodules.making.draws import Draws
from datamodules.making.exchange import Exchanging
from datamodules.making.held_out import BuiltInMolecules, find_leaks
from datamodules.making.hydrides import draw_hydride
from datamodules.making.linked import draw_linked
from datamodules.making.recipe import NOT_ASKED, UNREADABLE, Candidate, Verdict, describe_rules
from datamodules.making.small_molecules import draw_name
from datamodules.making.swap import Swapping
from datamodules.notations.molecules.structure import Molecule
from datamodules.notations.naming.styles import find_style, is_openeye
from datamodules.sources.shipped import PUBCHEM
from datamodules.storage.cache import digest
from datamodules.storage.cache_keys import hash_file
from datamodules.workers.opsin import JAR, read_names

MOST_SMILES, MOST_NAME = 100, 150
"""Characters of the longest row."""
METHODS = ("swap", "exchange", "small", "linked", "hydride")
_SHARES = (30, 50, 65, 85, 100)
"""Of a hundred candidates: those below the first are swaps, those below the second exchanges, and so on."""
_TRIES = 20
SCHEMA = pa.schema([(name, pa.string()) for name in ("inchikey", "smiles", "iupac", "method", "style")])


class Names(BuiltInMolecules):
    """Names made from names; see `recipe.Recipe`.

    Args:
        table: The built-in molecules with names; default: all of them.
        further: A table of further molecules that it may not make.
    """

    name = "names"
    schema = SCHEMA
    key = ("inchikey", "iupac")

    @cached_property
    def names(self) -> list[str]:
        """The conventional names of training molecules of one component."""
        whole = self.training.filter(pc.equal(self.training["components"], 1))
        return [name for name in whole["iupac"].to_pylist() if find_style(name) == "conventional"]

    @cached_property
    def known(self) -> Collection[str]:
        """Names that no row needs again."""
        return frozenset(self.names)

    @cached_property
    def swapping(self) -> Swapping:
        """Draws swaps."""
        return Swapping(self.names)

    @cached_property
    def exchanging(self) -> Exchanging:
        """Draws exchanges."""
        return Exchanging(self.names)

    def describe(self) -> Mapping[str, Any]:
        """Return the versions and the data that the rows depend on."""
        data = hash_file(PUBCHEM.path) if self._table is None else digest({"names": self.names})
        return {"data": data, "opsin": JAR, **self.describe_held_out(), **describe_rules()}

    def generate(self, seed: int, chunk: int, count: int) -> list[Candidate]:
        """Return `count` made names; a pure function of its arguments."""
        draws = Draws(f"names {seed} {chunk}")
        return [self._draw(draws) for _ in range(count)]

    def _draw(self, draws: Draws) -> Candidate:
        """Return the next name; what does not fit together is drawn again."""
        share = draws.below(100)
        method = METHODS[sum(share >= bound for bound in _SHARES)]
        draw = {
            "swap": self.swapping.draw,
            "exchange": self.exchanging.draw,
            "small": draw_name,
            "linked": draw_linked,
            "hydride": draw_hydride,
        }[method]
        for _ in range(_TRIES):
            if (name := draw(draws)) is not None:
                return Candidate(name, method)
        return Candidate("", method)

    def check(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Return a verdict a name; OPSIN reads all of them in one start."""
        short = {
            one.text: None
            for one in candidates
            if 0 < len(one.text) <= MOST_NAME and one.text not in self.known
        }
        readings = dict(zip(short, read_names(list(short)), strict=True))
        reasons: dict[str, str] = {}
        read: dict[str, Molecule] = {}
        for name, reading in readings.items():
            if reading.smiles is None:
                reasons[name] = UNREADABLE + (reading.reason or "no reason")
            elif reading.warning is not None:
                reasons[name] = reading.warning
            else:
                molecule = read_molecule(reading.smiles)
                if isinstance(molecule, str):
                    reasons[name] = molecule
                else:
                    read[name] = molecule
        leaks = dict(zip(read, find_leaks(list(read.values()), self.held_out), strict=True))
        reasons.update({name: "held out" for name, leaks_out in leaks.items() if leaks_out})
        return [_judge(one.text, self.known, reasons, read) for one in candidates]

    def row(self, candidate: Candidate, verdict: Verdict) -> dict[str, Any]:
        """Return the row of a name that was read."""
        style = "openeye" if is_openeye(candidate.text) else "conventional"
        return {**verdict.facts, "iupac": candidate.text, "method": candidate.method, "style": style}


def _judge(
    name: str, known: Collection[str], reasons: Mapping[str, str], read: Mapping[str, Molecule]
) -> Verdict:
    """Return why a name is dropped, or its molecule."""
    if not name:
        return Verdict(f"{NOT_ASKED}nothing fits")
    if len(name) > MOST_NAME:
        return Verdict(f"{NOT_ASKED}name of more than {MOST_NAME} characters")
    if name in known:
        return Verdict(f"{NOT_ASKED}a training name")
    if name in reasons:
        return Verdict(reasons[name])
    return Verdict(None, {"inchikey": read[name].inchikey, "smiles": read[name].canonical})


def read_molecule(smiles: str) -> Molecule | str:
    """Return the molecule of OPSIN's SMILES as its canonical SMILES reads back, or why no row may be of it."""
    with rdBase.BlockLogs():
        first = Chem.MolFromSmiles(smiles)
        canonical = "" if first is None else Chem.MolToSmiles(first)
        mol = Chem.MolFromSmiles(canonical) if canonical else None
    if mol is None:
        return "no molecule for RDKit"
    if "*" in canonical or "." in canonical:
        return "not one whole molecule"
    if len(canonical) > MOST_SMILES:
        return f"SMILES of more than {MOST_SMILES} characters"
    molecule = Molecule(mol)
    if not molecule.inchikey:
        return "no InChIKey"
    return molecule if molecule.canonical == canonical else "no canonical SMILES"
