from __future__ import annotations

import unicodedata

import pytest

from datamodules.notations import iupac, text
from datamodules.notations._unicode import are_equal, compose


@pytest.mark.parametrize(
    "word", ["caf\u00e9", "gr\u00f6\u00dfe", "\u212bngstr\u00f6m", "\uac00\uac01", "plain"]
)
def test_canonically_equal_texts_are_equal(word: str) -> None:
    forms = [unicodedata.normalize(form, word) for form in ("NFC", "NFD")]
    assert are_equal(*forms)
    assert compose(forms[1]) == forms[0]
    for notation in (text, iupac):
        assert notation.same(*forms)["string"]


def test_other_texts_are_different() -> None:
    assert not are_equal("cafe", "caf\u00e9")
    assert not are_equal("\ufb01", "fi"), "compatible, not canonically equal"
