"""Reactions made from our molecules: a named reaction takes a product apart, and its forward pattern must make it again.

A reaction is kept only if the forward pattern gives this product and no other, whichever way it is applied, and if the notation
`reaction` reads it. So no reaction here was carried out by anybody; each follows its named rule without a mixture.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import NamedTuple

from rdkit import Chem, rdBase
from rdkit.Chem import rdChemReactions

from datamodules.notations import reaction as notation
from datamodules.sources.building.named_reactions import NamedReaction

MOST_PER_NAME = 400
MOST_PRODUCT_CHARACTERS = 60
MOST_PRODUCTS_ASKED = 20_000
"""How many molecules with the product's pattern are tried for one named reaction."""
_NITRO = re.compile(r"\[N\+\]\(=O\)\[O-\]|O=\[N\+\]\(\[O-\]\)")
_CHARGE = re.compile(r"\[[^]]*[+-]")


class Product(NamedTuple):
    """A molecule of ours that a reaction may make."""

    inchikey: str
    smiles: str


def shuffled(products: Iterable[Product], name: str) -> list[Product]:
    """Return the products in an order that depends on their InChIKeys and the reaction's name only."""
    return sorted(products, key=lambda item: hashlib.sha256(f"{name} {item.inchikey}".encode()).digest())


class Rule:
    """A named reaction whose patterns are read.

    Args:
        named: Its SMARTS.
    """

    def __init__(self, named: NamedReaction) -> None:
        self.named = named
        self.backward = rdChemReactions.ReactionFromSmarts(named.backward)
        self.forward = rdChemReactions.ReactionFromSmarts(named.forward)
        self.unbearable = Chem.MolFromSmarts(named.unbearable) if named.unbearable else None
        self.backward.Initialize()
        self.forward.Initialize()
        self.pattern = self.backward.GetReactantTemplate(0)

    def take_apart(self, product: Chem.Mol) -> Iterator[tuple[str, ...]]:
        """Yield the different sets of reactants, in the order of the forward pattern, that could give a product."""
        found = set()
        for molecules in self.backward.RunReactants((product,), maxProducts=50):
            reactants = tuple(_canonical(molecule) for molecule in molecules)
            if all(reactants) and reactants not in found:
                found.add(reactants)
                yield reactants

    def spoils(self, reactant: Chem.Mol) -> bool:
        """Say whether a reactant has a group that the reaction cannot bear, or could react with another of itself."""
        if self.unbearable is not None and reactant.HasSubstructMatch(self.unbearable):
            return True
        return sum(reactant.HasSubstructMatch(part) for part in self.forward.GetReactants()) > 1

    def makes(self, reactants: tuple[str, ...]) -> set[str]:
        """Return every product of the reactants, each reactant in each place; empty if one of them spoils the reaction."""
        molecules = [Chem.MolFromSmiles(text) for text in reactants]
        if any(self.spoils(molecule) for molecule in molecules):
            return set()
        return {
            _canonical(result[0])
            for order in permutations(molecules)
            for result in self.forward.RunReactants(order, maxProducts=50)
        }


def _canonical(molecule: Chem.Mol) -> str:
    """Return the SMILES as it reads back, or `""` for what is no molecule or more than one."""
    text = Chem.MolToSmiles(molecule)
    again = Chem.MolFromSmiles(text)
    if again is None or "." in text or "*" in text:
        return ""
    return str(Chem.MolToSmiles(again))


def make_reaction(rule: Rule, product: Product) -> dict[str, str] | None:
    """Return the row of one product: the first set of reactants that gives it and nothing else, or None."""
    molecule = Chem.MolFromSmiles(product.smiles)
    for reactants in rule.take_apart(molecule):
        if rule.makes(reactants) != {product.smiles}:
            continue
        text = f"{'.'.join(reactants)}>{rule.named.reagents}>{product.smiles}"
        if notation.is_valid(text):
            text = notation.normalize(text)
            left, reagents, right = text.split(">")
            cells = {"reactants": left, "reagents": reagents, "product": right, "reaction": text}
            return {"inchikey": product.inchikey, "name": rule.named.name, **cells}
    return None


def make_reactions(
    products: Iterable[Product], names: Iterable[NamedReaction], most: int = MOST_PER_NAME
) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Return the reactions, sorted by product and name, and how many there are of each name.

    Args:
        products: Molecules that RDKit reads.
        names: The named reactions; each takes at most `most` products.
        most: How many reactions of one name.
    """
    candidates = [item for item in products if _is_simple(item.smiles)]
    rows: list[dict[str, str]] = []
    counts: Counter[str] = Counter()
    with rdBase.BlockLogs():
        for named in names:
            rule = Rule(named)
            tried = 0
            for product in shuffled(candidates, named.name):
                if counts[named.name] >= most or tried >= MOST_PRODUCTS_ASKED:
                    break
                if Chem.MolFromSmiles(product.smiles).HasSubstructMatch(rule.pattern):
                    tried += 1
                    row = make_reaction(rule, product)
                    if row is not None:
                        rows.append(row)
                        counts[named.name] += 1
    return sorted(rows, key=lambda row: (row["inchikey"], row["name"])), dict(counts)


def _is_simple(smiles: str) -> bool:
    """Say whether a product is one molecule of common size without charges but those of nitro groups."""
    plain = _NITRO.sub("", smiles)
    return len(smiles) <= MOST_PRODUCT_CHARACTERS and "." not in smiles and not _CHARGE.search(plain)
