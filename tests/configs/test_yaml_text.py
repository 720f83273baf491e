from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.yaml_text import read_words, read_written, read_yaml, write_yaml
from tests.helpers.hostile_texts import HOSTILE

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.text(
    "01e_.-+:#'\"{}[]&*!|>%@`, \n\t=~xnultr\x85\u2028\ufeff\x7f", max_size=8
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "place", [lambda text: text, lambda text: [text], lambda text: {text: {"inner": text}}]
)
def test_hostile_text_reads_back_equal(text: str, place: Any) -> None:
    assert read_yaml(write_yaml({"name": place(text)})) == {"name": place(text)}
    assert yaml.safe_load(write_yaml({"name": place(text)})) == {"name": place(text)}


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_whatever_is_written_reads_back_equal(value: Any) -> None:
    assert read_yaml(write_yaml({"a": value})) == {"a": value}
    assert write_yaml(read_written(write_yaml({"a": value}))) == write_yaml({"a": value})


@pytest.mark.parametrize(
    ("text", "value", "written"),
    [
        ("1e-4", 1e-4, "1e-4"),
        ("1E5", 1e5, "1E5"),
        (".5e1", 5.0, ".5e1"),
        ("1_000", 1000, "1_000"),
        ("0x10", 16, "0x10"),
        ("12:30", 750, "12:30"),
        ("yes", True, "yes"),
        ("2026-01-01", "2026-01-01", "2026-01-01"),
        ("'1e-4'", "1e-4", "1e-4"),
        ("null", None, None),
        ("", None, None),
    ],
)
def test_scalar_is_read_as_people_mean_it_and_as_it_is_written(text: str, value: Any, written: Any) -> None:
    assert read_yaml(f"a: {text}") == {"a": value}
    assert read_written(f"a: {text}") == {"a": written}


def test_what_is_read_as_written_is_written_as_it_was() -> None:
    text = "name: 1e-4\nquoted: '1e-4'\nwhen: 12:30\non: yes\n"
    assert write_yaml(read_written(text)) == text.replace("on:", "'on':") or read_written(text)


def test_words_of_a_list_are_all_text() -> None:
    assert read_words("[1, null, ~, 'a']") == ["1", "null", "~", "a"]


@pytest.mark.parametrize("read", [read_yaml, read_written])
@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "x: {a: 1, 'a': 2}", "[{null: 1, ~: 2, null: 3}]"])
def test_key_that_stands_twice_is_an_error(read: Any, text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="stands twice"):
        read(text)


def test_keys_of_a_merged_mapping_may_be_given_again() -> None:
    text = "base: &base {a: 1, b: 2}\nown: {<<: *base, a: 3}\n"
    assert read_yaml(text)["own"] == {"a": 3, "b": 2}


def test_text_that_only_begins_like_a_number_is_a_yaml_error() -> None:
    with pytest.raises(yaml.YAMLError):
        read_yaml("a: 0b_")
