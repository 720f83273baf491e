from __future__ import annotations

import numpy as np
import pytest

from datamodules.texts.similar_texts import find_most_similar, write_bits


def test_molecules_are_compared_by_their_fingerprints() -> None:
    known = write_bits("smiles", ["CCCCCCO", "c1ccccc1C", "c1ccccc1CC", "("])
    (places,) = find_most_similar(write_bits("smiles", ["c1ccccc1CCC"]), known, 2)
    assert places.tolist() == [2, 1]


def test_texts_are_compared_by_their_pieces() -> None:
    known = write_bits("text", ["greenhouse", "house", "gruen"])
    (places,) = find_most_similar(write_bits("text", ["greenhouses"]), known, 3)
    assert places.tolist()[0] == 0


def test_equal_and_empty_texts_are_in_order() -> None:
    known = write_bits("text", ["a", "a", ""])
    assert [places.tolist() for places in find_most_similar(write_bits("text", ["a"]), known, 9)] == [
        [0, 1, 2]
    ]
    assert find_most_similar(write_bits("text", []), known, 2) == []


def test_blocks_give_what_one_comparison_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"w{number * 37 % 101}x{number}" for number in range(60)]
    bits = write_bits("text", texts)
    whole = np.array(find_most_similar(bits, bits, 5))
    monkeypatch.setattr("datamodules.texts.similar_texts._QUERIES", 7)
    monkeypatch.setattr("datamodules.texts.similar_texts._KNOWN", 11)
    assert np.array_equal(whole, np.array(find_most_similar(bits, bits, 5)))
    assert whole[:, 0].tolist() == list(range(60))
