"""Audit the judge: how often OPSIN misreads a true name, by kind of stereo: `python -m bench.release.oracle_audit pairs.csv`.

The built-in pairs cannot tell, since they are those that OPSIN reads as their molecule. Any other table with true names can: each
name that OPSIN does not read as the structure beside it is a right answer that `right` would count as wrong. Results are appended
to docs/results/oracle.jsonl; docs/results/oracle.md is written from the file.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase

from bench.markdown import DOCS, as_table
from bench.studies.results import append_result, read_results
from callbacks.statistics.intervals import wilson_interval
from datamodules.notations.molecules.relations import relate
from datamodules.notations.molecules.structure import Molecule, read
from datamodules.storage.safe_csv import read_csv
from datamodules.workers.opsin import Reading, read_names

RESULTS = DOCS / "results" / "oracle.jsonl"
PAGE = DOCS / "results" / "oracle.md"
PARTS = {"pairs": str, "kind": str, "rows": int}
"""What every line has."""
STEREO = ("none", "atoms", "bonds", "atoms and bonds")
OUTCOMES = {
    "right": "the molecule",
    "ambiguous": "the molecule, with a warning that others fit",
    "stereo": "same but for stereo",
    "tautomer": "a tautomer, ion or salt",
    "other": "another molecule",
    "unread": "not read",
}


def find_stereo(molecule: Molecule) -> str:
    """Return which stereo a structure specifies, one of `STEREO`.

    Examples:
        >>> [find_stereo(read(text)) for text in ("CCO", "C[C@H](N)O", "F/C=C/F")]
        ['none', 'atoms', 'bonds']
    """
    kinds = set()
    for element in Chem.FindPotentialStereo(molecule.mol):
        if element.specified == Chem.StereoSpecified.Specified:
            kinds.add("bonds" if element.type == Chem.StereoType.Bond_Double else "atoms")
    return " and ".join(sorted(kinds)) or "none"


def judge(reading: Reading, molecule: Molecule) -> str:
    """Return what OPSIN made of the name of a molecule, one of `OUTCOMES`.

    Examples:
        >>> judge(Reading("OCC", None), read("CCO")), judge(Reading(None, "unknown name part"), read("CCO"))
        ('right', 'unread')
    """
    if reading.smiles is None:
        return "unread"
    same = relate(read(reading.smiles), molecule)
    if same["canonical"]:
        return "right" if reading.warning is None else "ambiguous"
    if same["without_stereo"]:
        return "stereo"
    return "tautomer" if same["tautomer"] or same["skeleton"] else "other"


def audit(pairs: Sequence[tuple[str, str]], about: str) -> list[dict[str, Any]]:
    """Return a line a kind of stereo, and one over all.

    Args:
        pairs: SMILES and true names; those whose SMILES RDKit cannot read are left out.
        about: What the pairs are, for people.
    """
    with rdBase.BlockLogs():
        molecules = [read(smiles) for smiles, _ in pairs]
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in ("all", *STEREO)}
    readings = read_names([name for _, name in pairs])
    for molecule, reading in zip(molecules, readings, strict=True):
        if isinstance(molecule, Molecule):
            outcome = judge(reading, molecule)
            counts["all"][outcome] += 1
            counts[find_stereo(molecule)][outcome] += 1
    return [
        {"pairs": about, "kind": kind, "rows": found.total(), **{name: found[name] for name in OUTCOMES}}
        for kind, found in counts.items()
    ]


def write_page(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the page: of each set of pairs a table by kind of stereo."""
    parts = [TEXT]
    for about in dict.fromkeys(line["pairs"] for line in lines):
        rows = []
        for line in (line for line in lines if line["pairs"] == about):
            low, high = wilson_interval(line["right"], line["rows"])
            shares = [f"{100 * line[name] / max(line['rows'], 1):.1f} %" for name in OUTCOMES]
            shares[0] += f" ({100 * low:.1f} to {100 * high:.1f})"
            rows.append([line["kind"], *shares, f"{line['rows']:,}"])
        header = ("stereo", *OUTCOMES.values(), "rows")
        parts.append(f"## {about}\n\n{as_table(header, rows)}")
    return "\n".join(parts)


TEXT = """# What the judge misreads

*Right* counts a name if OPSIN reads it as the molecule. Here OPSIN reads true names of molecules that no built-in data have. What
it does not read as the structure beside it is a right answer that would count as wrong, so the first column is the most that
*right* can reach on such names. `python -m bench.release.oracle_audit` makes this page.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Audit a table of true names, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("pairs", type=Path, help="a CSV file with the columns smiles and iupac")
    parser.add_argument("--about", required=True, help="what the pairs are: the title of their table")
    options = parser.parse_args(arguments)
    pairs = [(row["smiles"], row["iupac"]) for row in read_csv(options.pairs)]
    for line in audit(pairs, options.about):
        append_result(RESULTS, line)
    PAGE.write_text(write_page(read_results(RESULTS, PARTS)), encoding="utf-8")


if __name__ == "__main__":
    main()
