from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.sources import recombined
from datamodules.sources.lookup import load_source
from datamodules.sources.recombined_preferred import keep_preferred
from datamodules.sources.shipped import PUBCHEM


def test_of_several_names_the_preferred_one_is_kept_in_the_files_order() -> None:
    keys = ["b", "a", "b", "c", "a"]
    names = [
        "1,3,4-trimethylbenzene",
        "butane",
        "1,2,4-trimethylbenzene",
        "2-methyl-4-chlorophenol",
        "n-butane",
    ]
    assert keep_preferred(keys, names) == [1, 2]  # no name of c is in alphabetical order
    assert keep_preferred(keys, names, {"a"}) == [2]
    assert keep_preferred([], []) == []


def test_the_source_has_a_name_a_molecule_and_none_of_those_we_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path))
    known = PUBCHEM.load().table["inchikey"][0].as_py()
    rows = [("x", "1,3,4-trimethylbenzene"), ("x", "1,2,4-trimethylbenzene"), (known, "butane")]
    cells = [
        {"inchikey": key, "smiles": "C", "iupac": name, "method": "small", "style": "conventional"}
        for key, name in rows
    ]
    pq.write_table(pa.Table.from_pylist(cells), tmp_path / recombined.FILE)
    assert load_source("recombined_preferred").table["iupac"].to_pylist() == ["1,2,4-trimethylbenzene"]
