from __future__ import annotations

import pytest

from datamodules.storage.safe_names import safe_names


@pytest.mark.parametrize(
    "text", ["smiles_to_name", "SMILES_to_IUPAC Name", "Löslichkeit_zu_mg (25 °C)".replace("°", "")]
)
def test_a_text_that_can_be_a_name_stays(text):
    assert safe_names([text]) == {text: text}


@pytest.mark.parametrize(
    "text",
    [
        "m/z",
        "a\\b",
        'a:b<c>"d|e?f*',
        "..",
        ".hidden",
        "ends.",
        "ends ",
        "",
        "NUL",
        "com1.x",
        "a\nb",
        "x" * 300,
        "名" * 300,
    ],
)
def test_a_text_that_cannot_is_changed_and_marked(text):
    [name] = safe_names([text]).values()
    assert name != text
    assert not set(name) & set('<>:"/\\|?*\n')
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert len(f"{name}.yaml".encode()) <= 255


def test_no_two_texts_share_a_name_whatever_the_capitals_and_accents():
    texts = ["m/z", "m:z", "M/z", "a", "A", "\u00e9", "e\u0301", "x" * 100, "x" * 101]
    names = safe_names(texts)
    assert len({name.casefold() for name in names.values()}) == len(texts)
