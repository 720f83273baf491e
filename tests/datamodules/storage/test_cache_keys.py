from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datamodules.sources.lookup import BUILT_IN, hash_source
from datamodules.storage import cache_keys
from datamodules.storage.cache_keys import describe_code, describe_tokenizer, hash_file


def test_file_hash_depends_on_its_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_bytes(b"x" * 3_000_000)
    other.write_bytes(b"x" * 3_000_000)
    assert hash_file(one) == hash_file(other)
    other.write_bytes(b"x" * 2_999_999 + b"y")
    assert hash_file(one) != hash_file(other)


def test_source_hash_depends_on_content_and_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    copy = tmp_path / "copy.csv"
    copy.write_text("a,b\n1,2\n")
    tabs = tmp_path / "table.tsv"
    tabs.write_text("a,b\n1,2\n")
    assert hash_source(str(path)) == hash_source(str(copy)) != hash_source(str(tabs))
    assert hash_source(str(tmp_path / "nowhere.csv")) is None
    assert len({hash_source(name) for name in BUILT_IN}) == len(BUILT_IN)


def test_code_key_has_the_hash_of_our_code_and_library_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    import rdkit

    known = describe_code()
    assert known["rdkit"].split(".")[0] == rdkit.__version__.split(".")[0]
    assert len(known["code"]) == 32
    monkeypatch.setattr(cache_keys, "_LIBRARIES", ("no-such-package",))
    describe_code.cache_clear()
    assert describe_code() == {"code": known["code"], "no-such-package": ""}
    describe_code.cache_clear()


def test_tokenizer_key_depends_on_everything_that_changes_ids(tokenizer_of: Callable[..., Any]) -> None:
    def describe(change: Callable[[Any], object] = lambda _: None, **options: Any) -> dict[str, Any]:
        tokenizer = tokenizer_of(**options)
        change(tokenizer)
        described = describe_tokenizer(tokenizer)
        assert described is not None
        return described

    plain = describe()
    assert plain == describe()
    assert plain == describe(
        lambda tokenizer: tokenizer("a", truncation=True, max_length=3, padding="max_length")
    )
    changes: list[Callable[[Any], object]] = [
        lambda tokenizer: tokenizer.add_tokens(["<new>"]),
        lambda tokenizer: setattr(tokenizer, "eos_token", "<pad>"),
        lambda tokenizer: setattr(tokenizer, "chat_template", "{{ messages }}"),
        lambda tokenizer: setattr(tokenizer, "split_special_tokens", True),
    ]
    described = [describe(begin="<s>"), *map(describe, changes)]
    assert all(one != plain for one in described)
    assert describe_tokenizer(object()) is None


def test_tokenizer_with_code_or_a_clock_is_not_cached() -> None:
    from tests.helpers.tiny import make_tokenizer

    tokenizer = make_tokenizer()
    assert describe_tokenizer(tokenizer) is not None
    tokenizer.chat_template = "{{ strftime_now('%d %b %Y') }}{{ messages[0]['content'] }}"
    assert describe_tokenizer(tokenizer) is None

    class OfARepository(type(tokenizer)):  # type: ignore[misc]
        pass

    other = make_tokenizer()
    other.__class__ = OfARepository
    assert describe_tokenizer(other) is None
