from __future__ import annotations

import pytest

from datamodules.sources.building.case import plain, readings, restore_case


@pytest.mark.parametrize(
    ("lower", "expected"),
    [
        ("1h-indole", "1H-indole"),
        ("3,4-dihydro-2h-pyran-4a(2h)-one", "3,4-dihydro-2H-pyran-4a(2H)-one"),
        ("4ah-carbazole", "4aH-carbazole"),
        ("9h,10h-x", "9H,10H-x"),
        ("(2r,3s)-x", "(2R,3S)-x"),
        ("(3as,4r,7ar)-x", "(3aS,4R,7aR)-x"),
        ("(2z,4e)-hexa-2,4-diene", "(2Z,4E)-hexa-2,4-diene"),
        ("1-[(e)-x]", "1-[(E)-x]"),
        ("(1r*,2s*)-x", "(1R*,2S*)-x"),
        ("x, (11beta,20r)-", "x, (11beta,20R)-"),
        ("benzo[e]pyrene", "benzo[e]pyrene"),
        ("benzo(e)pyrene", "benzo(e)pyrene"),
        ("dibenzo[f,h]quinoxaline", "dibenzo[f,h]quinoxaline"),
        ("n,n'-dimethyl-o-phenyl", "N,N'-dimethyl-O-phenyl"),
        ("n4-methyl-n(6)-ethyl", "N4-methyl-N(6)-ethyl"),
        ("1-n,2-n-x", "1-N,2-N-x"),
        ("nalpha-acetyl-l-lysine", "Nalpha-acetyl-L-lysine"),
        ("alpha-d-glucose", "alpha-D-glucose"),
        ("dl-alanine", "DL-alanine"),
        ("iron(iii) chloride", "iron(III) chloride"),
        ("(2h3)methane", "(2H3)methane"),
        ("s-methyl-l-cysteine", "S-methyl-L-cysteine"),
        ("p-mentha-3,8-diene", "p-mentha-3,8-diene"),
        ("as-triazine", "as-triazine"),
        ("octane", "octane"),
    ],
)
def test_readings_restore_capitals(lower: str, expected: str) -> None:
    assert restore_case(lower) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("aniline;hydrochloride", "aniline hydrochloride"),
        ("N~4~-methyl-~{N}-(3~{S})-x", "N4-methyl-N-(3S)-x"),
        ("tricyclo[3.3.1.1~3,7~]decane", "tricyclo[3.3.1.13,7]decane"),
        ("tricyclo[5.3.0.0^{2,6}]decane", "tricyclo[5.3.0.02,6]decane"),
        ("tricyclo[5.2.1.0<2,6>]decane", "tricyclo[5.2.1.02,6]decane"),
        ("2$l^{5}-x", "2lambda5-x"),
        ("1lambda^6^-x", "1lambda6-x"),
        ("(2->3)-x", "(2->3)-x"),
        ("adenine, 9-ethyl- (8ci)", "adenine, 9-ethyl-"),
        ("2,2',2\"-nitrilotriethanol", "2,2',2''-nitrilotriethanol"),
        ("  acetic   acid. ", "acetic acid"),
    ],
)
def test_readings_drop_markup(raw: str, expected: str) -> None:
    assert plain(raw) == expected


def test_readings_of_an_ambiguous_name_are_both_offered() -> None:
    assert readings("n-butyl acetate")[:2] == ["N-butyl acetate", "n-butyl acetate"]
    assert readings("BENZOIC ACID") == ["benzoic acid", "BENZOIC ACID"]


@pytest.mark.parametrize("raw", ["", " ", "caféine", "sulfate (1:?)", "a\x00b"])
def test_text_that_cannot_be_a_name_has_no_reading(raw: str) -> None:
    assert readings(raw) == []
