"""The recipe `reactions`: named reactions applied forwards to training molecules, where exactly one product comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa
from rdkit import Chem, rdBase

from datamodules.making.draws import Draws
from datamodules.making.held_out import BuiltInMolecules, find_leaks
from datamodules.making.recipe import NOT_ASKED, UNREADABLE, Candidate, Verdict, describe_rules
from datamodules.notations import reaction as notation
from datamodules.notations.molecules.structure import Molecule
from datamodules.sources.building.named_reactions import NAMED_REACTIONS
from datamodules.sources.building.reactions import MOST_PRODUCT_CHARACTERS, Rule
from datamodules.sources.shipped import PUBCHEM
from datamodules.storage.cache import digest
from datamodules.storage.cache_keys import hash_file

_TRIES = 200
"""Molecules that are drawn for a reactant's pattern before a candidate is given up."""
_COLUMNS = ("inchikey", "name", "reactants", "reagents", "product", "reaction", "method")
MOST_REACTANT = 40


class Reactions(BuiltInMolecules):
    """Reactions made from training molecules; see `recipe.Recipe`. The rows have the columns of the source `reactions`.

    Args:
        table: The built-in molecules; default: all of them.
        further: A table of further molecules that it may not make.
    """

    name = "reactions"
    schema = pa.schema([(name, pa.string()) for name in _COLUMNS])
    key = ("inchikey", "reaction")

    @cached_property
    def molecules(self) -> list[str]:
        """The SMILES of small training molecules without charges."""
        return [
            smiles
            for smiles in self.training["smiles"].to_pylist()
            if len(smiles) <= MOST_REACTANT and not any(mark in smiles for mark in ".+*")
        ]

    @cached_property
    def rules(self) -> dict[str, Rule]:
        """The named reactions by name."""
        return {named.name: Rule(named) for named in NAMED_REACTIONS}

    def describe(self) -> Mapping[str, Any]:
        """Return the versions and the data that the rows depend on."""
        data = hash_file(PUBCHEM.path) if self._table is None else digest({"molecules": self.molecules})
        return {"data": data, **self.describe_held_out(), **describe_rules()}

    def generate(self, seed: int, chunk: int, count: int) -> list[Candidate]:
        """Return `count` sets of reactants; a pure function of its arguments."""
        draws = Draws(f"reactions {seed} {chunk}")
        names = list(self.rules)
        return [self._draw(draws, draws.choose(names)) for _ in range(count)]

    def _draw(self, draws: Draws, name: str) -> Candidate:
        """Return a reaction's name with molecules that have its reactants' patterns; without text if none is found."""
        found = []
        with rdBase.BlockLogs():
            for pattern in self.rules[name].forward.GetReactants():
                tries = (draws.choose(self.molecules) for _ in range(_TRIES))
                fitting = (text for text in tries if Chem.MolFromSmiles(text).HasSubstructMatch(pattern))
                found.append(next(fitting, ""))
        return Candidate(".".join(found) if all(found) else "", name)

    def check(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Return a verdict a set of reactants: they give one product, which no task holds out."""
        with rdBase.BlockLogs():
            return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Verdict:
        if not candidate.text:
            return Verdict(f"{NOT_ASKED}no reactants found")
        rule = self.rules[candidate.method]
        products = rule.makes(tuple(candidate.text.split(".")))
        if len(products) != 1 or "" in products:
            return Verdict("no product" if not products - {""} else "several products")
        [product] = products
        if len(product) > MOST_PRODUCT_CHARACTERS or product in candidate.text.split("."):
            return Verdict("long product" if len(product) > MOST_PRODUCT_CHARACTERS else "nothing changes")
        molecule = Molecule(Chem.MolFromSmiles(product))
        if not molecule.inchikey or find_leaks([molecule], self.held_out)[0]:
            return Verdict("held out" if molecule.inchikey else "no InChIKey")
        text = f"{candidate.text}>{rule.named.reagents}>{product}"
        if not notation.is_valid(text):
            return Verdict(f"{UNREADABLE}{notation.invalid_reason(text)}")
        return Verdict(None, {"inchikey": molecule.inchikey, "reaction": notation.normalize(text)})

    def row(self, candidate: Candidate, verdict: Verdict) -> dict[str, Any]:
        """Return the row of a reaction that has one product."""
        left, reagents, right = verdict.facts["reaction"].split(">")
        cells = {"reactants": left, "reagents": reagents, "product": right}
        return {**verdict.facts, **cells, "name": candidate.method, "method": candidate.method}
