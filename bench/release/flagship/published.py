"""What others say of their own systems, for the cards: figures of theirs, each of a test set of its own, none measured here."""

from __future__ import annotations

from typing import NamedTuple

from bench.markdown import as_table
from bench.release.flagship.parts import Part


class Published(NamedTuple):
    """A system and its shares of exact answers, in per cent."""

    system: str
    test_set: str
    names: float | None
    structures: float | None


PUBLISHED = (
    Published(
        "[Struct2IUPAC and IUPAC2Struct](https://doi.org/10.1038/s41598-021-94082-y), 47M pairs, beam search and OPSIN",
        "100,000 molecules of PubChem", 98.9, 99.1,
    ),
    Published(
        "[SMILES2IUPAC-canonical-small](https://huggingface.co/knowledgator/SMILES2IUPAC-canonical-small), about 6M parameters,"
        " 100M pairs",
        "its authors' own", 75.0, None,
    ),
    Published("STOUT V2, a billion pairs", "the same, by the same card", 66.7, None),
    Published(
        "[STOUT V2](https://doi.org/10.1186/s13321-024-00941-x), a billion pairs", "SMolInstruct", 56.5, 73.5,
    ),
    Published("[LlaSMol](https://arxiv.org/abs/2402.09391), 7B parameters", "SMolInstruct", 29.0, 70.1),
    Published("[SciReasoner](https://arxiv.org/abs/2509.21320), 8B parameters", "SMolInstruct", 56.6, 84.4),
)  # fmt: skip


def describe_published(part: Part) -> str:
    """Return a card's section about systems that others publish, those that answer its task."""
    lines = [
        (one.system, one.test_set, f"{share:.1f} %")
        for one in PUBLISHED
        if (share := one.names if part.name == "names" else one.structures) is not None
    ]
    return f"""## Published systems

What others say of theirs: exact answers, each on a test set of its own, so that no two lines compare, and none compares with the
tables here. Nothing of it was measured by this project.

{as_table(("system", "test set", "exact match"), lines)}
"""
