from __future__ import annotations

import pytest

from datamodules.notations.naming.prefixes import (
    close_bracket,
    is_alphabetical,
    nest_brackets,
    order_prefixes,
    take_apart,
)
from datamodules.sources.shipped import PUBCHEM

ORDERED = [
    "2-amino-N-(4-chlorophenyl)-5-methylbenzamide",
    "3,5-dichloro-4-(dimethylamino)aniline",
    "4-tert-butyl-2-chlorophenol",  # tert- is not counted
    "1-bromo-2,4-dichlorobenzene",  # di is not counted
    "5-bromo-1,3-bis(2-chloroethyl)-2-(diethylamino)benzene",  # bis is not counted, the di within is
    "4-phenylmethoxybenzoic acid",
    "2-methyl-1H-indole-3-carboxylic acid",
    "N-ethyl-N-methylpropan-1-amine",
    "1-(4-chlorophenyl)-2-morpholin-4-ylethanone",
    "5-hydroxy-2-methyloxolane",
    "2,3-dihydro-1H-indene",
    "3-(4-fluoro[1,1'-biphenyl]-4-yl)propanal",
    "2-chloroimidazo[1,2-a]pyridine",
    "ethyl 2-amino-4-methylpentanoate",
    "methane",
]
DISORDERED = {
    "2-methyl-5-chlorophenol": "5-chloro-2-methylphenol",
    "4-(dimethylamino)-3,5-dichloroaniline": "3,5-dichloro-4-(dimethylamino)aniline",
    "2,4-dichloro-1-bromobenzene": "1-bromo-2,4-dichlorobenzene",
    "1-(3-methyl-4-bromophenyl)ethanone": "1-(4-bromo-3-methylphenyl)ethanone",
    "(2S)-3-methyl-2-aminobutanoic acid": "(2S)-2-amino-3-methylbutanoic acid",
    "N-methyl-N-ethylaniline": "N-ethyl-N-methylaniline",
    "5-methyl-2-chloro-1H-indole": "2-chloro-5-methyl-1H-indole",
    "methyl 4-methyl-2-aminopentanoate": "methyl 2-amino-4-methylpentanoate",
    "2-pyridin-3-yl-5-chloropyrimidine": "5-chloro-2-pyridin-3-ylpyrimidine",
    "3,5-dihydroxy-4-butyl-1-(1-phenyl-2-ethoxyethyl)benzene": "4-butyl-1-(2-ethoxy-1-phenylethyl)-3,5-dihydroxybenzene",
}


@pytest.mark.parametrize("name", ORDERED)
def test_a_name_in_order_stays_to_the_character(name: str) -> None:
    assert is_alphabetical(name)
    assert order_prefixes(name) == name


@pytest.mark.parametrize("name", DISORDERED)
def test_prefixes_are_brought_into_order_at_any_depth(name: str) -> None:
    assert not is_alphabetical(name)
    assert order_prefixes(name) == DISORDERED[name]
    assert is_alphabetical(DISORDERED[name])


@pytest.mark.parametrize(
    ("name", "prefixes", "parent"),
    [
        ("4-acetyloxybenzoic acid", ["4-acetyloxy"], "benzoic acid"),
        ("4-chloro-2-methylphenyl", ["4-chloro", "2-methyl"], "phenyl"),
        ("dimethylamino", ["dimethyl"], "amino"),
        ("2-oxooxolane", ["2-oxo"], "oxolane"),
        ("N-methylhydroxylamine", ["N-methyl"], "hydroxylamine"),
        ("4-nitrosophenol", ["4-nitroso"], "phenol"),
        ("1,3-oxazole", [], "1,3-oxazole"),
        ("[1,2,4]triazolo[4,3-a]pyridine", [], "[1,2,4]triazolo[4,3-a]pyridine"),
        ("2-(1H-indol-3-yl)ethanamine", ["2-(1H-indol-3-yl)"], "ethanamine"),
    ],
)
def test_a_name_is_taken_apart(name: str, prefixes: list[str], parent: str) -> None:
    parts = take_apart(name)
    assert [str(prefix) for prefix in parts.prefixes] == prefixes
    assert parts.parent == parent
    assert str(parts) == name


def test_brackets_that_do_not_close_are_no_prefixes() -> None:
    assert close_bracket("2-(methyl", 2) == -1
    assert close_bracket("(a]", 0) == -1
    assert order_prefixes("2-(methyl-5-chlorophenol") == "2-(methyl-5-chlorophenol"
    assert nest_brackets("2-(methyl") == "2-(methyl"


def test_nested_brackets_keep_descriptors() -> None:
    assert nest_brackets("(2S)-1-{3-[(2R)-oxan-2-yl]propyl}-1H-imidazo[1,2-a]pyridin-2(3H)-one") == (
        "(2S)-1-[3-[(2R)-oxan-2-yl]propyl]-1H-imidazo[1,2-a]pyridin-2(3H)-one"
    )


def test_nearly_all_conventional_names_of_the_built_in_data_are_in_order() -> None:
    names = PUBCHEM.load().table["iupac"].slice(0, 3000).to_pylist()
    assert sum(map(is_alphabetical, names)) > 0.97 * len(names)
