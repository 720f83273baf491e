from __future__ import annotations

import time

import pyarrow.parquet as pq
import pytest

from configs.lookup import PROJECT
from datamodules.notations._name_parts import find_parts, is_like_a_name


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


def test_words_are_the_fewest_parts() -> None:
    assert find_parts("chlorophenyl") == ("chloro", "phenyl")
    assert find_parts("benzoic") == ("benz", "oic")
    assert find_parts("Chloro") == find_parts("zebra") == find_parts("") == ()


def test_parts_of_the_longest_words_do_not_take_long() -> None:
    began = time.process_time()
    assert len(find_parts("meth" * 250)) == 250
    assert time.process_time() - began < 0.5
