"""Tables of 10^4 to 10^6 rows for `data_loading`, made from the built-in molecules; equal arguments give equal files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.storage.atomic_write import whole_file

SEED = 0
SPELLINGS = 9
"""Spellings per molecule in a table of spellings; with all 112,450 molecules that gives a million rows."""
GROUPS = ("F", "Cl", "Br", "C", "N", "O", "CC", "OC", "C#N", "C(F)(F)F")
"""The first atom of each replaces a hydrogen atom, since there are fewer than a million built-in molecules."""
LEAST_DERIVED = 8
"""Molecules expected from each built-in one; of all eleven some are duplicates, some are impossible."""
_CHUNK = 500

Molecule = tuple[str, str, int]
"""SMILES, name, and a random seed."""


def spell(molecules: list[Molecule], count: int) -> list[tuple[str, str]]:
    """Return `count` random spellings of each molecule, each with its name."""
    from rdkit import Chem

    spelled = []
    for smiles, name, seed in molecules:
        texts = Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(smiles), count, randomSeed=seed)
        spelled += [(text, name) for text in texts]
    return spelled


def derive(molecules: list[Molecule]) -> list[tuple[str, str, str]]:
    """Return each molecule and its derivatives with a group in place of a hydrogen: canonical and random SMILES, and name."""
    from rdkit import Chem, rdBase

    derived = []
    with rdBase.BlockLogs():
        groups = [Chem.MolFromSmiles(group) for group in GROUPS]
        for smiles, name, seed in molecules:
            molecule = Chem.MolFromSmiles(smiles)
            places = [atom.GetIdx() for atom in molecule.GetAtoms() if atom.GetTotalNumHs()]
            more = (
                [_attach(molecule, places[seed % len(places)], group) for group in groups] if places else []
            )
            for one in (molecule, *more):
                if one is not None:
                    [text] = Chem.MolToRandomSmilesVect(one, 1, randomSeed=seed)
                    derived.append((Chem.MolToSmiles(one), text, name))
    return derived


def _attach(molecule: Any, place: int, group: Any) -> Any:
    """Replace a hydrogen by a group's first atom; None if there is no such molecule."""
    from rdkit import Chem

    joined = Chem.RWMol(Chem.CombineMols(molecule, group))
    joined.AddBond(place, molecule.GetNumAtoms(), Chem.BondType.SINGLE)
    atom = joined.GetAtomWithIdx(place)
    atom.SetNumExplicitHs(max(0, atom.GetNumExplicitHs() - 1))
    # Parsed again from its text, as the table's reader will do.
    return (
        Chem.MolFromSmiles(Chem.MolToSmiles(joined))
        if not Chem.SanitizeMol(joined, catchErrors=True)
        else None
    )


def _distinct(derived: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for canonical, text, name in derived:
        if canonical not in seen:
            seen.add(canonical)
            yield text, name


def _make_pairs(kind: str, rows: int) -> list[tuple[str, str]]:
    """Make the rows on all cores; they are not yet shuffled."""
    from datamodules.sources.shipped import PUBCHEM

    table = PUBCHEM.load().table.select(["smiles", "iupac"]).to_pydict()
    order = np.random.default_rng(SEED).permutation(len(table["smiles"])).tolist()
    needed = order[: -(-rows // (LEAST_DERIVED if kind == "molecules" else SPELLINGS))]
    work = [(table["smiles"][place], table["iupac"][place], place + 1) for place in needed]
    chunks = [work[start : start + _CHUNK] for start in range(0, len(work), _CHUNK)]
    with ProcessPoolExecutor() as pool:
        if kind == "molecules":
            made = _distinct(chain.from_iterable(pool.map(derive, chunks)))
        else:
            made = chain.from_iterable(pool.map(spell, chunks, [SPELLINGS] * len(chunks)))
        pairs = list(islice(made, rows))
    if len(pairs) < rows:
        raise ValueError(f"Expected --rows that can be made, but got {rows}: there are {len(pairs)} {kind}.")
    return pairs


def make_table(kind: str, rows: int, folder: Path) -> Path:
    """Write a shuffled csv of SMILES and names, unless it exists.

    Args:
        kind: `molecules`: each row another molecule, in a random spelling. `spellings`: `SPELLINGS` random ones per molecule.
        rows: Number of rows.
        folder: Folder of the file.
    """
    path = folder / f"{kind}_{rows}_{SEED}.csv"
    if path.is_file():
        return path
    pairs = _make_pairs(kind, rows)
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "name"])
        writer.writerows(pairs[place] for place in np.random.default_rng(SEED + 1).permutation(rows))
    return path
