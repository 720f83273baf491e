"""The tables of Lightning's features in docs/flags.md: `python -m tests.helpers.lightning_table` writes them."""

from __future__ import annotations

from collections.abc import Iterable

from cli.trainer.support import FLAGS, Feature, read_features
from tests.helpers.runs import PROJECT

PAGE = PROJECT / "docs" / "flags.md"
BEGIN, END = "<!-- begin: configs/lightning.yaml -->\n", "<!-- end: configs/lightning.yaml -->\n"
TEST = "tests/cli/trainer/test_support.py"


def render_tables(features: Iterable[Feature]) -> str:
    """Return one table for each kind of features, as Markdown."""
    features = list(features)
    return "\n".join(_render_kind(kind, [one for one in features if one.kind == kind]) for kind in FLAGS)


def _render_kind(kind: str, features: list[Feature]) -> str:
    lines = [f"**{kind.capitalize()}** (`{FLAGS[kind]}`)", "", "| name | | |", "|---|---|---|"]
    return "\n".join([*lines, *(_render_row(feature) for feature in features), ""])


def _render_row(feature: Feature) -> str:
    if feature.works is not None:
        state, told = "works", f"`{feature.works}`" if feature.works else ""
    elif feature.refused is not None:
        state, told = "refused", f"{feature.refused}."
    else:
        state, told = "not tried", f"{feature.untried}."
    package = f"needs `pip install {feature.package}`" if feature.package else ""
    notes = "; ".join(note for note in (feature.note, package) if note)
    text = " ".join(part for part in (told, f"({notes})" if notes else "") if part)
    return f"| `{feature.name}` | {state} | {text.replace('|', chr(92) + '|')} |"


def put_tables(page: str) -> str:
    """Return the page with the tables of today."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{render_tables(read_features())}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(put_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
