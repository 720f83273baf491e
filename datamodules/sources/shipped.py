"""The sources that ship as files: a Parquet file in `data` each, and what its columns hold.

`data/PROVENANCE.md` tells where they come from and under which licences, and `building` makes them. Every molecule, name, number
and reaction was checked when its file was built. Rows with molecules are sorted by InChIKey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datamodules.notations.naming.styles import INVERTED_PATTERN, OPENEYE_PATTERN
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
        derive: Adds columns that follow from the file's.
    """

    name: str
    about: str
    columns: Mapping[str, str]
    derive: Callable[[pa.Table], pa.Table] = lambda table: table

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
        return built_in(self.name, self.derive(pq.read_table(self.path)))


def add_styles(table: pa.Table) -> pa.Table:
    """Return the table with a column `style`: that of each row's name.

    Examples:
        >>> add_styles(pa.table({"iupac": ["2-azanylethanol", "benzene, nitro-", "aniline"]}))["style"].to_pylist()
        ['openeye', 'inverted', 'conventional']
    """
    names = table["iupac"]
    inverted = pc.match_substring_regex(names, INVERTED_PATTERN)
    openeye = pc.match_substring_regex(names, OPENEYE_PATTERN)
    others = pc.if_else(inverted, "inverted", "conventional")
    return table.append_column("style", pc.if_else(openeye, "openeye", others))


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
        "style": "of the name: `conventional`, `openeye` (`2-azanylethanol`) or `inverted` (`benzene, nitro-`)",
    },
    derive=add_styles,
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
