from __future__ import annotations

import pytest

from callbacks.reports.export.licences import OF_DATA, UNKNOWN, name_base, state_licence
from configs.lookup import list_configs
from datamodules.sources.lookup import BUILT_IN
from lightning_modules.decoder.bases import resolve_base
from tests.helpers.callback_stubs import Base


def base(licence: str) -> Base:
    return Base("mine", "/somewhere", True, licence)


@pytest.mark.parametrize(
    ("licence", "field", "name"),
    [
        ("Apache-2.0", "apache-2.0", None),
        ("Llama 2 Community Licence", "llama2", None),
        ("OPT-175B licence (non-commercial)", "other", "opt-175b-licence-non-commercial"),
    ],
)
def test_weights_on_known_data_are_under_the_licence_of_their_base(
    licence: str, field: str, name: str | None
) -> None:
    stated = state_licence(base(licence), ["pubchem", "aqsoldb"])
    assert (stated.field, stated.name) == (field, name)
    assert "under the licence of the base" in stated.words
    assert "aqsoldb (CC0-1.0)" in stated.words


@pytest.mark.parametrize(
    ("licence", "sources"),
    [
        *((licence, ["pubchem"]) for licence in UNKNOWN),
        ("MIT", ["/home/me/mols.csv"]),
        ("MIT", ["pubchem", "hf://datasets/owner/mols/x.csv"]),
        ("MIT", ["english"]),
        ("MIT", []),
    ],
)
def test_no_licence_is_stated_where_one_of_them_is_unknown(licence: str, sources: list[str]) -> None:
    stated = state_licence(base(licence), sources)
    assert (stated.field, stated.name) == (None, None)
    assert "none is stated" in stated.words
    assert "not known to Patois" in stated.words
    assert "/home" not in stated.words


def test_every_built_in_source_and_base_is_known() -> None:
    assert set(OF_DATA) == set(BUILT_IN) - {"english"}
    for name in list_configs("bases"):
        facts = resolve_base(name)
        assert name_base(facts) == name
        state_licence(facts, ["pubchem"])
