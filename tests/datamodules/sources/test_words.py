from __future__ import annotations

import pytest

from datamodules.sources import cmudict, held_out, words


def test_words_are_those_of_cmudict_without_held_out_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "names", lambda: frozenset({"benzene", "no word of it"}))
    kept = words.load().table["word"].to_pylist()
    every = cmudict.load().table["word"].to_pylist()
    assert "benzene" in every
    assert kept == [word for word in every if word != "benzene"]
