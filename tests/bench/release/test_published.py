from __future__ import annotations

from bench.release.flagship.parts import PARTS
from bench.release.flagship.published import PUBLISHED, describe_published


def test_a_card_lists_the_systems_that_answer_its_task() -> None:
    names, structures = (describe_published(PARTS[name]) for name in ("names", "draws"))
    assert "| 29.0 % |" in names
    assert "| 70.1 % |" in structures
    assert "SMILES2IUPAC-canonical-small" not in structures
    assert sum(one.names is not None for one in PUBLISHED) == names.count(" % |")


def test_committed_cards_have_the_section() -> None:
    for part in PARTS.values():
        assert describe_published(part) in (part.folder / "README.md").read_text(encoding="utf-8")
