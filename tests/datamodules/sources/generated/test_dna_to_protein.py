from __future__ import annotations

import hashlib
import json

import pytest

from datamodules.sources.generated.dna_to_protein import CODONS, ROWS, STOPS, generate, load, translate


def test_genetic_code_is_the_standard_one() -> None:
    assert len(CODONS) == 64
    assert STOPS == ["TAA", "TAG", "TGA"]
    # The start of human insulin's coding sequence (NM_000207).
    assert translate("ATGGCCCTGTGGATGCGCCTCCTGCCCCTGCTGGCGCTGCTGGCCCTCTGG") == "MALWMRLLPLLALLALW"
    assert translate("TGCGATGAATTTGGTCATATTAAATGA") == "CDEFGHIK*"
    assert translate("CAATCTACCGTATATAACCCC") == "QSTVYNP"


def test_rows_differ_and_are_translated_by_the_code() -> None:
    rows = load()
    assert (rows.total, rows.file, rows.verified) == (ROWS, "dna_to_protein", True)
    dna, protein = (rows.table[name].to_pylist() for name in ("dna", "protein"))
    assert len(set(dna)) == ROWS
    assert [translate(text) for text in dna] == protein
    assert {len(text) // 3 for text in dna} == set(range(1, 21))
    assert all("*" not in text[:-1] for text in protein)
    assert 0.45 < sum(text.endswith("*") for text in protein) / ROWS < 0.55
    assert {base for text in dna for base in text} == set("ACGT")


def test_rows_are_a_pure_function_of_the_seed() -> None:
    assert generate(100, seed=3) == generate(100, seed=3)
    assert generate(100, seed=3) == generate(200, seed=3)[:100]
    assert generate(100, seed=3) != generate(100, seed=4)
    # The same on every machine and version of Python.
    digest = hashlib.sha256(json.dumps(generate(ROWS, seed=0)).encode()).hexdigest()
    assert digest.startswith("af844430cb953027")


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(AssertionError, match="run out"):
        generate(1_000_001, seed=0)
