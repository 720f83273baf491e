"""What the cache of prepared data is tried with, also by processes of their own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datamodules.storage.cache import Payload

KEY = {"table": "abc", "settings": {"split": "identity", "fractions": [0.1, None]}}
TEXTS = pa.array(["a", "", "\u00e9\n", "a"], pa.large_string())


def make_payload() -> Payload:
    arrays = {"codes": np.arange(1000, dtype=np.uint16), "none": np.zeros(0, dtype=np.int64)}
    return Payload(arrays, {"words": TEXTS, "no_words": TEXTS[:0]}, {"total": 3})


def assert_whole(payload: Payload | None) -> None:
    assert payload is not None
    expected = make_payload()
    assert payload.facts == expected.facts
    assert payload.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        assert payload.arrays[name].dtype == array.dtype
        assert (payload.arrays[name] == array).all()
    assert {name: texts.to_pylist() for name, texts in payload.texts.items()} == {
        name: texts.to_pylist() for name, texts in expected.texts.items()
    }
