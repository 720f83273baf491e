from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.notations import iupac


@pytest.mark.parametrize(
    "name",
    [
        "ethanol",
        "2-[[(2S)-2-amino-3-(1H-indol-3-yl)propanoyl]amino]acetic acid",
        "tricyclo[3.3.1.1^{3,7}]decane",
        "azane;hydrochloride",
        "\u03b1-D-glucopyranose",
        "3\u2032-deoxyadenosine",
        "banana",  # well-formed: there is no name parser here
    ],
)
def test_well_formed_names_are_valid(name: str) -> None:
    assert iupac.invalid_reason(name) is None
    assert iupac.is_valid(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("\u200b", "empty"),
        ("ethanol\nmethanol", "line break"),
        ("ethanol\u2028", "line break"),
        ("etha\x00nol", "control character"),
        ("etha\tnol", "control character"),
        ("etha\ud800nol", "control character"),
        ("1,2-3", "no letter"),
        ("(2-methyl", "unbalanced brackets"),
        ("2-methyl)", "unbalanced brackets"),
        ("([2-methyl)]", "unbalanced brackets"),
        ("a" * 1001, "longer than 1000 characters"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_invalid_reason(name: str, reason: str) -> None:
    assert iupac.invalid_reason(name) == reason
    with pytest.raises(ValueError, match=f"^{reason}$"):
        iupac.normalize(name)


def test_normalize_tidies_names() -> None:
    assert iupac.normalize(" 2\u2010methyl\u00adpropan\u20111-ol ") == "2-methylpropan-1-ol"
    assert iupac.normalize("3\u2032,5\u2033-diol") == "3',5''-diol"
    assert iupac.normalize("azane ; hydrochloride") == "azane;hydrochloride"
    assert iupac.normalize("Methyl\u00a0 acetate") == "Methyl acetate"  # case stays


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Ethanol", "ethanol"),
        ("1,3-DICHLORO-Benzene", "1,3-dichloro-benzene"),
        ("(2S)-N-Methylbutan-2-amine", "(2S)-N-methylbutan-2-amine"),
        ("Nalpha-Boc-DL-alanine", "Nalpha-Boc-DL-alanine"),
        ("1H-indole;2H-azete", "1H-indole;2H-azete"),
    ],
)
def test_normalize_question_drops_capitals_without_meaning(name: str, asked: str) -> None:
    assert iupac.normalize_question(name) == asked
    assert iupac.normalize_question(asked) == asked


@pytest.mark.parametrize(
    ("prediction", "target", "string", "normalized"),
    [
        ("ethanol", "ethanol", True, True),
        ("Ethanol", "ethanol", False, True),
        ("2\u2013Methylbutane", "2-methylbutane", False, True),
        ("N-butylaniline", "n-butylaniline", False, False),  # on nitrogen, or a straight chain
        ("(1R,4R)-cyclohexane", "(1r,4r)-cyclohexane", False, False),  # true and pseudo-asymmetric centres
        ("1H-indole", "1h-indole", False, False),
        ("methyl acetate", "methylacetate", False, False),
        ("ethyl alcohol", "ethanol", False, False),
        ("hydrochloride;azane", "azane;hydrochloride", False, False),
        ("(ethanol", "(ethanol", True, False),
    ],
)
def test_same(prediction: str, target: str, string: bool, normalized: bool) -> None:
    assert iupac.same(prediction, target) == {"string": string, "normalized": normalized}


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    st.one_of(
        st.text(st.characters(codec=None), max_size=20), st.text("abN1,-()[]{};' \u2010\u2032", max_size=20)
    )
)
def test_any_text_has_a_verdict(text: str) -> None:
    assert iupac.same(text, text) == {"string": True, "normalized": iupac.is_valid(text)}
    if iupac.is_valid(text):
        normal = iupac.normalize(text)
        assert iupac.normalize(normal) == normal
        assert iupac.same(normal, text)["normalized"]
