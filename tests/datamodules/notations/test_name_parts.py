from __future__ import annotations

import time

import pyarrow.parquet as pq
import pytest

from configs.lookup import PROJECT
from datamodules.notations._name_parts import is_like_a_name


def test_nearly_all_verified_names_are_like_names() -> None:
    table = pq.read_table(PROJECT / "datamodules/sources/data/pubchem.parquet", columns=["iupac"])
    names = table.column("iupac").to_pylist()[::500]
    assert sum(map(is_like_a_name, names)) > 0.95 * len(names)


@pytest.mark.parametrize(
    "text",
    ["a sentence of words", "John Smith", "tablet of 3 mg", "house", "Zebra", "", "12", "aspirin", "nation"],
)
def test_other_texts_are_not_like_names(text: str) -> None:
    assert not is_like_a_name(text)


def test_no_text_takes_long() -> None:
    began = time.process_time()
    is_like_a_name("meth" * 250 + "q")
    assert time.process_time() - began < 0.5
