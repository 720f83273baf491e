from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from datamodules.sources import english, held_out
from datamodules.sources.lookup import hash_source

WORDNET = """  1 This software and database is being provided to you
00001740 03 n 02 entity 0 living_thing 0 003 ~ 00001930 n 0000 ~ 00002137 n 0000 | that which has its own existence; "a thing"
00001741 03 a 01 galore(ip) 0 000 | in great numbers, or more than that
"""
GCIDE = r"""Bathe \Bathe\, v. i.
   1. To bathe one's self; to take a bath or baths. "They bathe
      in summer." --Waller.
      [1913 Webster]

   (b[=a]th"[~e]r) A second paragraph about {Bathing machines} of all kinds.
   [WordNet 1.5]

Short \Short\, a.
   Short.
   [1913 Webster]
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(english.FOLDER_VARIABLE, str(tmp_path))
    for name in (*english.WORDNET, english.GCIDE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(WORDNET if name == english.WORDNET[0] else "")
    with gzip.open(tmp_path / english.GCIDE, "wt", encoding="utf-8") as file:
        file.write(GCIDE)
    return tmp_path


def test_paragraphs_have_their_headwords_and_no_marks(packages: Path) -> None:
    table = english.load().table
    assert list(zip(table["text"].to_pylist(), table["kind"].to_pylist(), strict=True)) == [
        ('entity, living thing: that which has its own existence; "a thing"', "wordnet"),
        ("galore: in great numbers, or more than that", "wordnet"),
        ('Bathe: To bathe one\'s self; to take a bath or baths. "They bathe in summer."', "gcide"),
        ("Bathe: A second paragraph about Bathing machines of all kinds.", "gcide"),
    ]


def test_paragraphs_that_name_a_held_out_molecule_are_left_out(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_out, "names", lambda: frozenset({"living thing", "galore"}))
    texts = english.load().table["text"].to_pylist()
    assert [text.split(":")[0] for text in texts] == ["Bathe", "Bathe"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a bath of acetic acid.", True),
        ('Acetic  Acid: "sour"', True),
        ("diacetic acid", False),
        ("acetic, acid", True),  # punctuation ends a name, so this is over-careful
        ("2,4-dinitrophenol", False),
        ("", False),
    ],
)
def test_held_out_names_are_found_as_whole_words(text: str, found: bool) -> None:
    assert english.mentions(text, {"acetic acid", "dinitrophenol"}) is found


def test_long_paragraphs_are_cut_between_sentences() -> None:
    sentences = [f"This is the sentence number {number}." for number in range(30)]
    pieces = list(english.cut(" ".join(sentences)))
    assert len(pieces) > 1
    assert " ".join(pieces) == " ".join(sentences)
    assert all(english.LEAST_CHARACTERS <= len(piece) <= english.MOST_CHARACTERS for piece in pieces)
    assert list(english.cut("x" * (english.MOST_CHARACTERS + 1))) == list(english.cut("short")) == []


def test_missing_package_of_texts_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(english.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(
        ValueError, match=r"wordnet-base and dict-gcide.*is missing.*apt-get install.*PATOIS_TEXTS"
    ):
        english.load()


def test_english_files_are_in_the_cache_key(packages: Path) -> None:
    before = hash_source("english")
    (packages / english.WORDNET[1]).write_text(WORDNET)
    assert hash_source("english") != before
