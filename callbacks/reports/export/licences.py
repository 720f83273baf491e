"""What a model card can say of base, data and licence, so that its head and its text never disagree. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import NamedTuple

from callbacks.rows.protocols import BaseFacts
from configs.lookup import list_configs
from datamodules.sources.lookup import BUILT_IN

UNKNOWN = ("", "unknown", "see its model card")
"""What a base says that does not say its licence."""
OF_DATA = {
    "aqsoldb": "CC0-1.0",
    "b3db": "CC0-1.0",
    "cmudict": "BSD-2-Clause",
    "compound_questions": "Apache-2.0",
    "dna_to_protein": "Apache-2.0",
    "melting_points": "CC0-1.0",
    "openings": "CC0-1.0",
    "pubchem": "MIT, BSD-3-Clause and CC0",
    "pubchem_small": "MIT, BSD-3-Clause and CC0",
    "reactions": "Apache-2.0",
    "recombined": "MIT, BSD-3-Clause and CC0",
    "recombined_preferred": "MIT, BSD-3-Clause and CC0",
    "string_rules": "Apache-2.0",
    "textbook": "Apache-2.0",
    "words": "BSD-2-Clause",
}
"""Licences of the built-in sources that let a model be under that of its base (`datamodules/sources/data/PROVENANCE.md`);
`english` reads what the system's packages hold, under licences of their own."""
_HUB = (
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0", "gpl-3.0", "agpl-3.0", "lgpl-3.0", "mpl-2.0", "openrail", "bigscience-openrail-m",
    "bigscience-bloom-rail-1.0", "bigcode-openrail-m", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "gemma",
)  # fmt: skip
"""The Hub's names of licences, as far as bases have them."""
_NAMED = {
    "llama 2 community licence": "llama2",
    "gemma terms of use": "gemma",
    "bigscience bloom rail 1.0": "bigscience-bloom-rail-1.0",
    "bigcode openrail-m": "bigcode-openrail-m",
}
_HUB_DATA = re.compile(r"hf://datasets/([^/]+/[^/@]+)")


class Licence(NamedTuple):
    """A card's licence."""

    field: str | None
    """The Hub's name of it, or `other`; None if nobody but the owner can say it."""
    name: str | None
    """Its own name, for `other`."""
    words: str
    """What the card's text says of it."""


def state_licence(base: BaseFacts, sources: Iterable[str]) -> Licence:
    """Return the licence of weights, as far as base and data tell it.

    Args:
        base: What they were fine-tuned from.
        sources: What they were trained on.
    """
    named = [name_data(source) for source in sources] or ["not recorded"]
    known = all(name in OF_DATA for name in named)
    data = ", ".join(f"{name} ({OF_DATA.get(name, 'not known to Patois')})" for name in named)
    of_base = "not known to Patois" if base.licence.lower() in UNKNOWN else base.licence
    facts = f"Licence of the base, {name_base(base)}: {of_base}. Licences of the training data: {data}."
    if base.licence.lower() in UNKNOWN or not known:
        advice = "choose one that base and data allow, and write it into the head of this file (`license:`) before you share them"
        return Licence(None, None, f"{facts} So none is stated for these weights: {advice}.")
    low = base.licence.lower()
    field = low if low in _HUB else _NAMED.get(low, "other")
    name = re.sub(r"[^a-z0-9.]+", "-", low).strip("-") if field == "other" else None
    return Licence(field, name, f"{facts} These weights are under the licence of the base.")


def name_base(base: BaseFacts) -> str:
    """Return a base's name without folders of this machine: a Hub id, a name in configs/bases, or the last part of a path.

    Examples:
        >>> from types import SimpleNamespace
        >>> name_base(SimpleNamespace(name="/home/me/tiny.yaml", path="/x", is_local=True))
        'tiny.yaml'
    """
    return base.name if find_base_id(base) else PurePath(base.name).name


def find_base_id(base: BaseFacts) -> str | None:
    """Return what `base_model:` says: an id on the Hub, or the name of a base that comes with Patois; None for a folder."""
    if base.path and not base.is_local:
        return base.path
    return base.name if base.name in list_configs("bases") else None


def find_hub_data(source: str) -> str | None:
    """Return the id of a source on the Hub, or None.

    >>> find_hub_data("hf://datasets/owner/mols@main/x.csv"), find_hub_data("mols.csv")
    ('owner/mols', None)
    """
    found = _HUB_DATA.match(source)
    return found.group(1) if found else None


def name_data(source: str) -> str:
    """Return a source's name without folders of this machine.

    >>> name_data("hf://datasets/owner/mols@main/x.csv"), name_data("/home/me/mols.csv"), name_data("pubchem")
    ('owner/mols', 'mols.csv', 'pubchem')
    """
    return find_hub_data(source) or (source if source in BUILT_IN else PurePath(source).name)


def list_data_ids(sources: Iterable[str]) -> list[str]:
    """Return what `datasets:` says: ids on the Hub, and names of built-in sources; files have none.

    >>> list_data_ids(["hf://datasets/owner/mols/x.csv", "pubchem", "mols.csv"])
    ['owner/mols', 'pubchem']
    """
    found = [find_hub_data(source) or (source if source in BUILT_IN else None) for source in sources]
    return list(dict.fromkeys(name for name in found if name))
