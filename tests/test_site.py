"""The site of `make docs`: its pages, its menus and its links. Building it is the last word on the links' anchors."""

from __future__ import annotations

import re

import pytest
import yaml

from docs.site_pages import (
    PAGES,
    api_pages,
    linked_paths,
    navigation,
    packages,
    place_in_repository,
    place_on_site,
    rewrite_links,
    shown_paths,
)
from tests.helpers.runs import PROJECT, list_files

SETTINGS = yaml.safe_load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
OF_DOCS = [
    path.relative_to(PROJECT).as_posix()
    for path in sorted((PROJECT / "docs").rglob("*.md"))
    if not path.name.endswith((".in.md", ".notes.md"))
]
TEXTS = {path: (PROJECT / path).read_text(encoding="utf-8") for path in (*PAGES, *OF_DOCS)}


def leaves(menu: object) -> list[str]:
    if isinstance(menu, str):
        return [menu]
    entries = menu.values() if isinstance(menu, dict) else menu
    return [page for entry in entries for page in leaves(entry)]  # type: ignore[attr-defined]


def test_every_page_is_in_the_menus_once() -> None:
    pages = leaves(SETTINGS["nav"])
    assert sorted(map(place_in_repository, pages)) == sorted([*PAGES, *OF_DOCS])
    assert sorted(leaves(navigation())) == sorted(api_pages())


@pytest.mark.parametrize("path", sorted(TEXTS))
def test_each_link_leads_to_a_page_or_a_file_of_the_site(path: str) -> None:
    there = {*PAGES, *api_pages(), *map(place_on_site, shown_paths(TEXTS))}
    for target in linked_paths(TEXTS[path], path):
        place = place_on_site(target).split("#")[0]
        assert place in there or (PROJECT / "docs" / place).is_file(), target


def test_links_are_rewritten_and_code_is_left_alone() -> None:
    text = (
        "[a](flags.md#precision), [b](../README.md), [c](../configs/default.yaml), [d](../bench), `[e](../bench)`, [f](#f), "
        "[g](https://example.org), ![h](images/h.svg), [i](../datamodules/notations/number.py)\n```text\n[j](../bench)\n```\n"
    )
    assert rewrite_links(text, "docs/extending.md") == (
        "[a](flags.md#precision), [b](README.md), [c](configs/default.yaml.md), [d](api/bench/index.md), `[e](../bench)`, "
        "[f](#f), [g](https://example.org), ![h](images/h.svg), "
        "[i](api/datamodules/notations/index.md#datamodules.notations.number)\n```text\n[j](../bench)\n```\n"
    )
    link = "[formats](../../docs/results/format.md), [results](../../docs/results)"
    assert rewrite_links(link, "lightning_modules/flagship/README.md") == (
        "[formats](../../results/format.md), [results](../../results/README.md)"
    )


def test_every_module_is_on_an_api_page() -> None:
    tracked = list_files("--", *packages(), "*.py")
    modules = {
        re.sub(r"(/__init__)?\.py$", "", path).replace("/", ".")
        for path in tracked
        if path.endswith(".py") and not path.startswith(("tests/", "docs/"))
    }
    shown = [name for text in api_pages().values() for name in re.findall(r"^::: (\S+)$", text, re.MULTILINE)]
    assert len(shown) == len(set(shown))
    assert set(shown) == modules
