from __future__ import annotations

import re

import pytest
import selfies as package
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.notations import selfies, smiles

ALPHABET = sorted(package.get_semantic_robust_alphabet())


@pytest.mark.pitfall(14)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("[C] [C]", "whitespace"),
        ("[C]\n", "whitespace"),
        ("[\u0421]", "not ASCII"),
        ("[C]\x00", "control character"),
        ("[C]" * 4000, "longer than 10000 characters"),
        ("[C]" * 1001, "longer than 1000 characters"),  # what it decodes to
        ("CCO", "text outside brackets"),  # a SMILES: the package decodes it to nothing
        ("foo[C]", "text outside brackets"),
        ("[C]O", "text outside brackets"),
        ("[C", "text outside brackets"),
        ("[C]]", "text outside brackets"),
        (".[C]", "empty component"),
        ("[C]..[C]", "empty component"),
        ("[C].", "empty component"),
        ("[C][Foo]", "unknown symbol"),
        ("[F][F][Foo]", "unknown symbol"),  # the package stops reading at the second fluorine
        ("[C][Branch9]", "unknown symbol"),
        ("[C][Xeps]", "unknown symbol"),
        ("[*]", "unknown symbol"),
        ("[nop]", "no atoms"),
        ("[epsilon]", "no atoms"),
        ("[Ring1]", "no atoms"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_invalid_reason(text: str, reason: str) -> None:
    assert selfies.invalid_reason(text) == reason
    assert not selfies.is_valid(text)
    for function in (selfies.normalize, selfies.identity, selfies.scaffold, selfies.parent):
        with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
            function(text)
    assert selfies.same(text, text) == {
        "string": True,
        "canonical": False,
        "inchikey": False,
        "connectivity": False,
    }


def test_from_smiles_and_back(molecules: list[str]) -> None:
    refused = []
    for text in molecules:
        try:
            encoded = selfies.from_smiles(text)
        except ValueError:
            refused.append(text)
            continue
        assert selfies.is_valid(encoded)
        assert selfies.normalize(encoded) == encoded
        assert smiles.normalize(package.decoder(encoded)) == smiles.normalize(text)
        assert selfies.from_smiles(smiles.randomize(text, 5)) == encoded  # any spelling gives the one form
        assert selfies.identity(encoded) == smiles.identity(text)
        assert selfies.scaffold(encoded) == smiles.scaffold(text)
        assert selfies.parent(encoded) == smiles.parent(text)
    assert refused == []
    assert selfies.from_smiles("OCC") == "[C][C][O]"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("C1CC", "unclosed ring"),
        ("O=I(=O)c1ccccc1", "valence beyond the default rules of SELFIES"),
        ("C$C", "SELFIES has no symbol for some atom or bond"),
    ],
)
def test_from_smiles_gives_its_reason_for_refusal(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        selfies.from_smiles(text)


def test_from_smiles_never_gives_another_molecule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "encoder", lambda smiles: "[C][C][N]")
    with pytest.raises(ValueError, match="does not give the same molecule back"):
        selfies.from_smiles("CCO")


@pytest.mark.pitfall(15)
@pytest.mark.parametrize(
    ("prediction", "target", "notions"),
    [
        ("[C][C][O]", "[C][C][O]", "string canonical inchikey connectivity"),
        ("[O][C][C]", "[C][C][O]", "canonical inchikey connectivity"),
        ("[C][C][O].[C][C][O]", "[C][C][O]", ""),
        ("[C][C@H1][Branch1][C][N][C][=Branch1][C][=O][O]", "[C][C@@H1][Branch1][C][N][C][=Branch1][C][=O][O]", "connectivity"),
        ("[C][C][O][Foo]", "[C][C][O]", ""),
    ],
)  # fmt: skip
def test_same(prediction: str, target: str, notions: str) -> None:
    expected = dict.fromkeys(["string", "canonical", "inchikey", "connectivity"], False)
    expected.update(dict.fromkeys(notions.split(), True))
    assert selfies.same(prediction, target) == expected


def test_randomize(molecules: list[str]) -> None:
    changed = 0
    for text in molecules:
        encoded = selfies.from_smiles(text)
        spelled = selfies.randomize(encoded, 3)
        assert spelled == selfies.randomize(encoded, 3)
        assert selfies.normalize(spelled) == encoded
        changed += spelled != encoded
    assert changed > 0.6 * len(molecules)


def test_similarity() -> None:
    assert selfies.similarity("[O][C][C]", "[C][C][O]") == {"morgan": 1.0, "maccs": 1.0, "rdk": 1.0}
    assert selfies.similarity("[C][C][N]", "[C][C][O]") == smiles.similarity("CCN", "CCO")
    assert selfies.similarity("nonsense", "[C][C][O]") == {"morgan": 0.0, "maccs": 0.0, "rdk": 0.0}
    with pytest.raises(ValueError, match="unknown symbol"):
        selfies.similarity("[C]", "[Foo]")


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    st.one_of(
        st.text(max_size=30), st.lists(st.sampled_from([*ALPHABET, ".", "[nop]"]), max_size=25).map("".join)
    )
)
def test_any_text_has_a_verdict(text: str) -> None:
    reason = selfies.invalid_reason(text)
    assert selfies.same(text, text) == {
        name: name == "string" or reason is None for name in selfies.same("", "")
    }
    if reason is None:
        normal = selfies.normalize(text)
        assert selfies.same(normal, text)["canonical"]
        assert selfies.same(selfies.randomize(text, 1), text)["canonical"]
