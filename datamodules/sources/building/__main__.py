"""Build `data/pubchem.parquet` from pinned packages: `make data` runs `python -m datamodules.sources.building`.

Structures come from `chemicals` (PubChem), the wwPDB chemical component dictionary in `biotite`, and `qc-b3db`. A name is
kept only if OPSIN reads it as exactly its molecule (equal full InChIKeys). The result depends on the pinned versions
only: two runs write the same rows, with or without the cache of OPSIN's answers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from configs.lookup import PROJECT
from datamodules.notations.naming.styles import conventional_words, is_inverted, is_openeye
from datamodules.sources.building.case import readings
from datamodules.sources.building.ccd import read_ccd
from datamodules.sources.building.opsin import Opsin
from datamodules.sources.building.primary import rank
from datamodules.sources.building.records import Record, read_b3db, read_chemicals
from datamodules.sources.building.structures import LENGTH_LIMIT, Structure, canonical, check_structure

logger = logging.getLogger(__name__)

PINS = {
    "chemicals": "1.5.2",
    "biotite": "1.6.0",
    "qc-b3db": "1.1.1",
    "py2opsin": "1.2.0",  # OPSIN 2.9.0
    "rdkit": "2026.9.1",  # another RDKit may write other canonical SMILES
}
SOURCES = ("chemicals", "ccd", "b3db")
DATA = PROJECT / "datamodules" / "sources" / "data"
SCHEMA = pa.schema(
    [
        ("inchikey", pa.string()),
        ("smiles", pa.string()),
        ("iupac", pa.string()),
        ("synonyms", pa.list_(pa.string())),
        ("formula", pa.string()),
        ("source", pa.string()),
        ("has_stereo", pa.bool_()),
        ("components", pa.int8()),
    ]
)
NO_NAME = "no name that OPSIN reads as the same molecule"


class Entry(NamedTuple):
    """A record whose structure was read."""

    record: Record
    structure: Structure


class Pair(NamedTuple):
    """One row of the data set, in the order of `SCHEMA`."""

    inchikey: str
    smiles: str
    iupac: str
    synonyms: list[str]
    formula: str
    source: str
    has_stereo: bool
    components: int


def check_versions(pins: Mapping[str, str] | None = None, where: str = f"PINS in {__file__}") -> None:
    """Compare the installed packages with their pins.

    Args:
        pins: Versions by package; default: `PINS`.
        where: Where the pins stand, for the error.

    Raises:
        ValueError: If one is missing or has another version: the data set would silently be another one.
    """
    for package, expected in (PINS if pins is None else pins).items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            installed = "none"
        if installed != expected:
            raise ValueError(
                f"Expected {package}=={expected}, but {installed} is installed: run `make data`, or change {where} "
                "and expect another data set."
            )


def read_structures(records: Iterable[Record]) -> tuple[list[Entry], Counter[tuple[str, str]]]:
    """Return the records with a structure, and how many of each source have none and why."""
    known: dict[str, Structure] = {}
    entries = []
    reasons: Counter[tuple[str, str]] = Counter()
    for record in records:
        if record.smiles not in known:
            known[record.smiles] = check_structure(record.smiles)
        structure = known[record.smiles]
        if structure.reason:
            reasons[record.source, structure.reason] += 1
        else:
            entries.append(Entry(record, structure))
    return entries, reasons


def verify_names(entries: list[Entry], opsin: Opsin) -> dict[tuple[str, str], str]:
    """Return the verified spelling of each (InChIKey, raw name).

    The spellings of a name are tried in rounds, so that the less likely ones are asked for only where needed.
    """
    open_names = {
        (entry.structure.inchikey, name): [text for text in readings(name) if len(text) <= LENGTH_LIMIT]
        for entry in entries
        for name in entry.record.names
    }
    verified: dict[tuple[str, str], str] = {}
    for attempt in range(max(map(len, open_names.values()))):
        tries = {
            key: texts[attempt]
            for key, texts in open_names.items()
            if attempt < len(texts) and key not in verified
        }
        logger.info("round %d: %d names", attempt + 1, len(tries))
        opsin.ask(tries.values())
        verified.update({key: text for key, text in tries.items() if opsin[text] == key[0]})
    return verified


def choose(entries: list[Entry], verified: dict[tuple[str, str], str]) -> Pair | None:
    """Return the row of one molecule from all its records, or None if no name was verified."""
    ranked = []
    for entry in entries:
        source, names = entry.record.source, entry.record.names
        if not names:
            continue
        anchor = conventional_words(next(iter(readings(names[0])), ""))
        for position, raw in enumerate(names):
            name = verified.get((entry.structure.inchikey, raw))
            if name is not None:
                ranked.append(
                    (rank(name, anchor, SOURCES.index(source), position), name, source, entry.structure)
                )
    if not ranked:
        return None
    _, primary, source, structure = min(ranked, key=lambda item: item[0])
    synonyms = [name for name in dict.fromkeys(item[1] for item in ranked) if name != primary]
    return make_pair(structure, primary, synonyms, source)


def make_pair(structure: Structure, primary: str, synonyms: list[str], source: str) -> Pair:
    """Return the row with the columns that follow from the structure."""
    smiles = structure.smiles
    has_stereo = any(mark in smiles for mark in "@/\\")
    return Pair(
        structure.inchikey,
        smiles,
        primary,
        synonyms,
        structure.formula,
        source,
        has_stereo,
        smiles.count(".") + 1,
    )


def follow_names(pairs: list[Pair], opsin: Opsin) -> tuple[list[Pair], int]:
    """Return the rows with the structure as the primary name states it, and how many that changed.

    An InChIKey does not tell a lactam from a lactim or an ammonium salt from an amine with its acid. Where the package draws
    one and its name states the other (`CC(O)=NC` and `N-methylacetamide`), nobody could translate the pair.
    """
    opsin.ask(pair.iupac for pair in pairs)
    changed = 0
    result = []
    for pair in pairs:
        stated = opsin[pair.iupac]
        if canonical(stated) != pair.smiles:
            structure = check_structure(stated)
            if structure.inchikey == pair.inchikey and structure.smiles != pair.smiles:
                changed += 1
                pair = make_pair(structure, pair.iupac, pair.synonyms, pair.source)
        result.append(pair)
    return result, changed


def to_table(pairs: list[Pair]) -> pa.Table:
    """Return the rows as a table sorted by InChIKey."""
    columns = zip(*sorted(pairs), strict=True)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA
    )


def write_table(table: pa.Table, path: Path) -> None:
    """Write the table so that a reader sees the old file or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, compression="zstd", compression_level=19, row_group_size=1 << 20)
    os.replace(temporary, path)


def counts(
    pairs: list[Pair],
    by_key: dict[str, list[Entry]],
    records: Counter[str],
    reasons: Counter[tuple[str, str]],
) -> dict[str, Any]:
    """Return what was kept and what was set aside, a source and in all."""
    first_source = {
        key: min((entry.record.source for entry in group), key=SOURCES.index) for key, group in by_key.items()
    }
    kept = {pair.inchikey for pair in pairs}
    set_aside: dict[str, dict[str, int]] = {source: {} for source in SOURCES}
    for (source, reason), number in sorted(reasons.items()):
        set_aside[source][reason] = number
    for source in SOURCES:
        molecules = [key for key, first in first_source.items() if first == source]
        set_aside[source][NO_NAME] = sum(key not in kept for key in molecules)
    per_source = Counter(pair.source for pair in pairs)
    return {
        "rows": len(pairs),
        "rows_per_source": {source: per_source[source] for source in SOURCES},
        "names": sum(1 + len(pair.synonyms) for pair in pairs),
        "synonyms": sum(len(pair.synonyms) for pair in pairs),
        "rows_with_synonyms": sum(bool(pair.synonyms) for pair in pairs),
        "has_stereo": sum(pair.has_stereo for pair in pairs),
        "single_component": sum(pair.components == 1 for pair in pairs),
        "openeye_primary": sum(is_openeye(pair.iupac) for pair in pairs),
        "inverted_primary": sum(is_inverted(pair.iupac) for pair in pairs),
        "records_per_source": {source: records[source] for source in SOURCES},
        "molecules": len(by_key),
        "set_aside": set_aside,
    }


def build(cache: Path) -> tuple[pa.Table, dict[str, Any]]:
    """Return the data set and its counts; OPSIN's answers are kept in the folder `cache`."""
    all_records = list(chain(read_chemicals(), read_ccd(), read_b3db()))
    logger.info("%d records read", len(all_records))
    entries, reasons = read_structures(all_records)
    by_key: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_key[entry.structure.inchikey].append(entry)
    logger.info("%d molecules; not used: %s", len(by_key), dict(reasons))
    verified = verify_names(entries, Opsin(cache / "inchikeys.tsv", "stdinchikey"))
    pairs = [pair for group in by_key.values() if (pair := choose(group, verified)) is not None]
    opsin = Opsin(cache / "smiles.tsv", "smi")
    pairs, changed = follow_names(pairs, opsin)
    numbers = counts(pairs, by_key, Counter(record.source for record in all_records), reasons)
    numbers["smiles_follow_name"] = changed
    numbers["primary_with_warning"] = sum(pair.iupac in opsin.warnings for pair in pairs)
    return to_table(pairs), numbers


def main() -> None:
    """Build the data set, its counts and its checksum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=DATA / "pubchem.parquet", help="the Parquet file to write"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path("build/opsin"), help="folder for OPSIN's answers so far"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    check_versions()
    began = time.perf_counter()
    table, numbers = build(arguments.cache)
    write_table(table, arguments.output)
    content = arguments.output.read_bytes()
    numbers |= {"packages": PINS, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    arguments.output.with_suffix(".json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    logger.info(
        "%d rows in %.0f s: %s", table.num_rows, time.perf_counter() - began, json.dumps(numbers, indent=2)
    )


if __name__ == "__main__":
    main()
