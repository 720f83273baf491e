"""Read .sdf: each structure becomes a SMILES, each data field a column; a broken record never takes others with it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from rdkit import Chem, rdBase

from datamodules.sources.rows import Rows, SetAside, shown
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.text import describe_bad_characters, read_text

COLUMNS = ("smiles", "title")
_END = "$$$$"
_FIELD = re.compile(r">.*?<(?P<name>[^>]*)>")
_MIXTURES = (Chem.StereoGroupType.STEREO_AND, Chem.StereoGroupType.STEREO_OR)


def read(path: Path, options: TableOptions) -> Rows:
    """Return the records of a .sdf file, also gzipped; a record's line is its first one.

    The columns are `smiles` (what RDKit reads the structure as, canonical and isomeric), `title` (the first line) and the
    data fields, empty where a record lacks one. A field with the name of another column gets a number.

    Raises:
        ValueError: If there is no record.
    """
    text, file = read_text(path, options), str(path)
    columns: dict[str, list[str]] = {name: [] for name in COLUMNS}
    numbers: list[int] = []
    aside: list[SetAside] = []
    for number, lines in _records(text.text, cut=text.cut is not None):
        cells = {} if text.clean else {"": describe_bad_characters("\n".join(lines))}
        smiles, reason = ("", cells[""]) if cells.get("") else _read_structure("\n".join(lines))
        if reason:
            aside.append(SetAside(file, number, reason, shown(lines[0].strip())))
            continue
        cells = {"smiles": smiles, "title": lines[0].strip(), **_read_fields(lines)}
        for name in cells:
            # Rows before lack this field.
            columns.setdefault(name, [""] * len(numbers))
        for name, column in columns.items():
            column.append(cells.get(name, ""))
        numbers.append(number)
    total = len(numbers) + len(aside)
    if not total:
        raise ValueError(
            f"{file}: expected records of an SD file, each with {_END} behind it, but there is none."
        )
    table = pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})
    fields = ", ".join(list(columns)[2:]) or "no fields"
    notes = (f"structures are the column smiles, first lines the column title, and the fields are {fields}",)
    rows = Rows(table, np.array(numbers, dtype=np.int64), file, aside, False, total, notes)
    return rows.amend(text.notes, text.cut)


def _records(text: str, cut: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line (from 1) of each record, and its lines; of a text that was cut off not the last, half record."""
    lines: list[str] = []
    start = number = 1
    for number, line in enumerate(text.split("\n"), start=1):
        if line.rstrip() == _END:
            if not lines:
                lines = [""]
            yield start, lines
            lines, start = [], number + 1
        else:
            lines.append(line)
    if not cut and any(line.strip() for line in lines):  # the last mark is often left out
        yield start, lines


def _read_structure(record: str) -> tuple[str, str]:
    """Return the SMILES of a record, or an empty one and the reason."""
    block = record.partition("M  END")[0] + "M  END\n"
    with rdBase.BlockLogs():
        try:
            mol = Chem.MolFromMolBlock(block)
        except RuntimeError:  # a broken invariant inside of RDKit
            mol = None
        if mol is None:
            return "", "structure that RDKit cannot read"
        if not mol.GetNumAtoms():
            return "", "no atoms"
        if any(group.GetGroupType() in _MIXTURES for group in mol.GetStereoGroups()):
            return "", "racemic or relative stereo, which a SMILES cannot hold"
        return Chem.MolToSmiles(mol), ""


def _read_fields(lines: list[str]) -> dict[str, str]:
    """Return the data fields of a record; the lines of one are joined by line feeds."""
    fields: dict[str, str] = {}
    name: str | None = None
    for line in lines:
        found = _FIELD.match(line)
        if found:
            name = base = unicodedata.normalize("NFC", found["name"]).strip()
            count = 1
            while name in COLUMNS or name in fields:
                count += 1
                name = f"{base}_{count}"
            fields[name] = ""
        elif not line.strip():
            name = None
        elif name is not None:
            fields[name] += ("\n" if fields[name] else "") + line.rstrip()
    return fields
