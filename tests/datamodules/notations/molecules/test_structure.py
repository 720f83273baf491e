"""Facts of single molecules against published InChIKeys and formulas, and against bit sets for fingerprints."""

from __future__ import annotations

import pytest
from rdkit import Chem
from rdkit.Chem import MACCSkeys, rdFingerprintGenerator

from datamodules.notations.molecules.structure import (
    FINGERPRINTS,
    Molecule,
    compare,
    compute_identity,
    compute_scaffold,
    compute_similarity,
    draw_svg,
    first_block,
    morgan_bits,
    read,
    spell_randomly,
)

L_ALANINE, D_ALANINE = "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"
ASPIRIN, CAFFEINE = "CC(=O)Oc1ccccc1C(=O)O", "Cn1cnc2c1c(=O)n(C)c(=O)n2C"


def molecule(smiles: str) -> Molecule:
    found = read(smiles)
    assert isinstance(found, Molecule), f"{smiles}: {found}"
    return found


@pytest.mark.parametrize(
    ("smiles", "inchikey", "formula"),
    [
        ("OCC", "LFQSCWFLJHTTHZ-UHFFFAOYSA-N", "C2H6O"),
        ("C1=CC=CC=C1", "UHOVQNZJYSORNB-UHFFFAOYSA-N", "C6H6"),
        (L_ALANINE, "QNAYBMKLOCPYGJ-REOHCLBHSA-N", "C3H7NO2"),
        (D_ALANINE, "QNAYBMKLOCPYGJ-UWTATZPHSA-N", "C3H7NO2"),
        (ASPIRIN, "BSYNRYMUTXBXSQ-UHFFFAOYSA-N", "C9H8O4"),
        (CAFFEINE, "RYYVLZVUVIJVGH-UHFFFAOYSA-N", "C8H10N4O2"),
    ],
)
def test_inchikey_and_formula_are_the_published_ones(smiles: str, inchikey: str, formula: str) -> None:
    assert molecule(smiles).inchikey == inchikey
    assert molecule(smiles).formula == formula


@pytest.mark.parametrize(
    ("smiles", "heavy"),
    [
        ("[NH4+]", "N"),
        ("CC(=O)[O-]", "C2O2"),
        ("CC(=O)O", "C2O2"),
        ("Cl[Hg]Cl", "Cl2Hg"),
        ("[He]", "He"),
        ("[Ho+3]", "Ho"),
    ],
)
def test_heavy_formula_drops_hydrogen_and_charge_only(smiles: str, heavy: str) -> None:
    assert molecule(smiles).heavy_formula == heavy


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("", "empty"),
        ("C*", "wildcard atom"),
        ("[#0]C", "wildcard atom"),
        ("C~C", "wildcard bond"),
        ("C:C", "aromatic bond outside a ring"),
        ("C(C)(C)(C)(C)C", "valence"),
        ("c1cccc1", "aromatic ring cannot be kekulized"),
        ("C1CC", "unclosed ring"),
    ],
)
def test_read_gives_the_reason_where_there_is_no_molecule(smiles: str, reason: str) -> None:
    assert read(smiles) == reason


def test_read_clears_atom_map_numbers_and_changes_nothing_else() -> None:
    assert molecule("[CH3:1][CH2:2][OH:3]").canonical == "CCO"
    assert molecule("[Na+].[Cl-]").canonical == "[Cl-].[Na+]"
    assert molecule("[13CH4]").canonical == "[13CH4]"


@pytest.mark.parametrize(
    ("one", "other", "canonical", "inchikey", "connectivity"),
    [
        ("OCC", "CCO", True, True, True),
        (L_ALANINE, D_ALANINE, False, False, True),
        ("CC(N)C(=O)O", L_ALANINE, False, False, True),
        ("O=c1cccc[nH]1", "Oc1ccccn1", False, True, True),  # tautomers of one standard InChI
        ("CCO", "COC", False, False, False),
        ("CC(=O)[O-]", "CC(=O)O", False, False, True),  # InChI's first block hashes no protons
    ],
)
def test_compare_tells_the_notions_of_sameness_apart(
    one: str, other: str, canonical: bool, inchikey: bool, connectivity: bool
) -> None:
    expected = {"canonical": canonical, "inchikey": inchikey, "connectivity": connectivity}
    assert compare(molecule(one), molecule(other)) == expected
    assert compare(molecule(other), molecule(one)) == expected


def test_compare_finds_nothing_the_same_as_a_reason() -> None:
    nothing = {"canonical": False, "inchikey": False, "connectivity": False}
    assert compare("unclosed ring", molecule("C")) == nothing
    assert compare("unclosed ring", "unclosed ring") == nothing


def test_identity_is_the_connectivity_block_or_flat_smiles_without_an_inchikey() -> None:
    assert compute_identity(molecule(L_ALANINE)) == compute_identity(molecule(D_ALANINE)) == "QNAYBMKLOCPYGJ"
    assert first_block("QNAYBMKLOCPYGJ-REOHCLBHSA-N") == "QNAYBMKLOCPYGJ"
    without = molecule(L_ALANINE)
    without = Molecule(without.mol)
    without.__dict__["inchikey"] = ""
    assert compute_identity(without) == "CC(N)C(=O)O"


@pytest.mark.parametrize(
    ("smiles", "scaffold"),
    [
        (ASPIRIN, "c1ccccc1"),
        ("Cc1ccccc1", "c1ccccc1"),
        ("OC1CCC(c2ccccc2)CC1", "c1ccc(C2CCCCC2)cc1"),
        ("C[C@H]1CC[C@@H](O)CC1", "C1CCCCC1"),
        ("CCO", ""),
    ],
)
def test_scaffold_is_the_ring_systems_and_what_links_them(smiles: str, scaffold: str) -> None:
    assert compute_scaffold(molecule(smiles)) == scaffold


def test_similarity_is_the_shared_part_of_all_set_bits() -> None:
    generators = {
        "morgan": rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint,
        "maccs": MACCSkeys.GenMACCSKeys,
        "rdk": rdFingerprintGenerator.GetRDKitFPGenerator(fpSize=2048).GetFingerprint,
    }
    assert set(generators) == set(FINGERPRINTS)
    for one, other in ((ASPIRIN, CAFFEINE), ("Cc1ccccc1", "c1ccccc1"), ("CCO", "CCN"), ("C", "O")):
        found = compute_similarity(molecule(one), molecule(other))
        for name, generate in generators.items():
            bits = [set(generate(Chem.MolFromSmiles(smiles)).GetOnBits()) for smiles in (one, other)]
            either = bits[0] | bits[1]
            assert found[name] == pytest.approx(len(bits[0] & bits[1]) / len(either) if either else 0.0)


def test_similarity_is_one_for_equal_molecules_and_zero_for_a_reason() -> None:
    assert compute_similarity(molecule("C"), molecule("[CH4]")) == dict.fromkeys(FINGERPRINTS, 1.0)
    assert compute_similarity("unclosed ring", molecule("C")) == dict.fromkeys(FINGERPRINTS, 0.0)


def test_morgan_bits_are_the_fingerprint_as_hexadecimal_digits() -> None:
    digits = morgan_bits(molecule(CAFFEINE))
    content = bytes.fromhex(digits)
    set_bits = {bit for bit in range(2048) if content[bit // 8] >> bit % 8 & 1}
    assert len(content) == 256
    assert set_bits == set(molecule(CAFFEINE).fingerprints["morgan"].GetOnBits())


def test_random_spelling_is_the_same_molecule_and_a_function_of_the_seed() -> None:
    spelled = [spell_randomly(molecule(ASPIRIN), seed) for seed in range(20)]
    assert spelled == [spell_randomly(molecule(ASPIRIN), seed) for seed in range(20)]
    assert len(set(spelled)) > 10
    assert {Chem.CanonSmiles(text) for text in spelled} == {Chem.CanonSmiles(ASPIRIN)}
    assert spell_randomly(molecule("CCO"), 2**40) in ("CCO", "OCC", "C(C)O", "C(O)C")


def test_picture_is_an_svg_of_the_size_asked_for() -> None:
    picture = draw_svg(molecule("CCO"), 120, 80)
    assert picture.rstrip().endswith("</svg>")
    assert "width='120px' height='80px'" in picture
    assert "<rect" not in picture  # no background
