"""The sources that ship as files: a Parquet file in `data` each, and what its columns hold.

`data/PROVENANCE.md` tells where they come from and under which licences, and `building` makes them. Every molecule, name, number
and reaction was checked when its file was built. Rows with molecules are sorted by InChIKey.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from datamodules.sources.rows import Rows, built_in

DATA = Path(__file__).parent / "data"
_INCHIKEY = "the molecule's InChIKey"
_SMILES = "RDKit's canonical SMILES, with stereo"


@dataclass(frozen=True)
class ShippedSource:
    """A source that ships as a file.

    Attributes:
        name: What users call it.
        about: What it is, in a few words.
        columns: What each column holds, in the file's order.
    """

    name: str
    about: str
    columns: Mapping[str, str]

    @property
    def path(self) -> Path:
        """The file."""
        return DATA / f"{self.name}.parquet"

    def load(self) -> Rows:
        """Return all rows.

        Raises:
            ValueError: If the file is missing.
        """
        if not self.path.is_file():
            raise ValueError(
                f"Expected the built-in data at {self.path}, but it is not there: check it out again or run `make data`."
            )
        return built_in(self.name, pq.read_table(self.path))


PUBCHEM = ShippedSource(
    "pubchem",
    "about 110,000 molecules with names that OPSIN reads as exactly them",
    {
        "inchikey": _INCHIKEY,
        "smiles": _SMILES,
        "iupac": "the conventional name",
        "synonyms": "a list of other verified names",
        "formula": "in Hill order",
        "source": "`chemicals`, `ccd` or `b3db`",
        "has_stereo": "whether the structure has stereocentres or stereobonds",
        "components": "the number of molecules and ions in it",
    },
)

SHIPPED = {
    source.name: source
    for source in (
        PUBCHEM,
        ShippedSource(
            "b3db",
            "molecules that cross the blood-brain barrier or do not: a classification",
            {
                "inchikey": _INCHIKEY,
                "smiles": _SMILES,
                "label": "`crosses` or `stays out`",
                "log_bb": "logarithm of the ratio of concentrations in brain and blood; empty where not measured",
            },
        ),
        ShippedSource(
            "aqsoldb",
            "solubilities of molecules in water: a regression",
            {"inchikey": _INCHIKEY, "smiles": _SMILES, "log_s": "decimal logarithm of mol/l, to hundredths"},
        ),
        ShippedSource(
            "melting_points",
            "the Open Notebook melting points: a regression",
            {"inchikey": _INCHIKEY, "smiles": _SMILES, "celsius": "degrees Celsius, to tenths"},
        ),
        ShippedSource(
            "reactions",
            "reactions made from our molecules by the rules of named reactions; nobody carried them out",
            {
                "inchikey": "the product's InChIKey",
                "name": "the reaction's name; its rule gives this product of these reactants and nothing else",
                "reactants": "SMILES",
                "reagents": "SMILES; empty where none is needed",
                "product": "SMILES",
                "reaction": "the three with `>` between them",
            },
        ),
        ShippedSource(
            "compound_questions",
            "questions about passages on compounds, with answers that stand in the passage word for word",
            {
                "passage": "its number; questions about one passage belong on one side of a split",
                "context": "the passage; samples have labels drawn at random, so nobody can answer without it",
                "question": "the question",
                "asked": "both, in one cell",
                "answer": "the answer",
                "kind": "of the fact that is asked for",
            },
        ),
        ShippedSource(
            "openings",
            "chess openings from lichess, sorted by their moves: a classification without chemistry",
            {
                "moves": "`1. e4 c5 2. Nf3`; no two rows have the same",
                "name": "the opening's name",
                "family": "the name's first part",
                "eco": "the code of the Encyclopaedia of Chess Openings, `B50`",
                "volume": "the code's letter, A to E",
            },
        ),
    )
}
"""Every source that ships as a file, by its name."""
