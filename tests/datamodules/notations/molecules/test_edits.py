"""Whatever was done to a molecule or to its spelling, it is one thing: normalize, identity, scaffold and parent say so."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from datamodules.notations import iupac, selfies, smiles, text
from datamodules.notations.molecules.edits import clear_maps, find_parent, flatten
from datamodules.notations.molecules.structure import read_valid

# Stereo of all kinds that RDKit keeps, and what makes spellings differ: charges, isotopes, tautomers, explicit hydrogens.
_TEXT = r"""
C[C@H](N)C(=O)O C[C@@H](O)[C@H](O)C CC[C@H]1CC[C@H](O)CC1 CC(C)O CC=C(C)C C/C=C/C C/C=C\C=C/C C/C=N/O C/C=C/[C@H](O)/C=C\C
O[C@H]1[C@H](O)[C@@H](O)[C@H](O)[C@H](O)[C@@H]1O CC(/C)=N/O c1ccccc1/N=N/c1ccccc1 N/C(C)=N/C [H]/N=C(/C)N C[N@]1CC1C
C1C[N@@]2CC[C@H]1C2 C[S@](=O)CC C[P@](=O)(O)c1ccccc1 C[P@@](CC)c1ccccc1 C[P@@]1CC[P@](C)CC1 O=[S@]1CC[C@H](C)CC1
C[As@](F)(Cl)=O O[C@@H](F)[2H] [2H]C([2H])([3H])O [13CH3][C@H](C)O [13CH3]/C(C)=C/C C[C@H]([NH3+])C(=O)[O-].[Na+]
CO[P@@](=O)([O-])S C[Si@](F)(Cl)Br C1=CC=CC=CC=C1 C[C@H]1C[C@@H](C)C[C@H](C)C1 O=C(O)[C@H](O)[C@@H](O)C(=O)O
C1[C@H]2[C@@H]1C2 F[C@H]1C[C@@H](F)C1 C[C@H](F)[C@@H](C)[C@@H](C)F CC1=C/C(=C\C=O)CCC1 C1CCCC/C=C/CCCC1 C[n+]1ccccc1.[Cl-]
c1ccc2[nH]ccc2c1 [O-][n+]1ccccc1 N->[Cu] [Fe+2].c1cc[cH-]c1.c1cc[cH-]c1 [NH4+].[NH4+].[O-]S(=O)(=O)[O-] [H][H] [2H][2H]
[H+].[Cl-] [CH2] CC=C=CC CC(=O)[C@@]12C[C@H]1CC2 C[S@@+](CC)[O-] C[N@+]1([O-])CCC[C@H]1c1cccnc1 CN.Cl
F[P-](F)(F)(F)(F)F.c1ccc[cH+]cc1 C[C@]12CC[C@H]3[C@@H](CCc4cc(O)ccc43)[C@@H]1CC[C@@H]2O
FC(F)(F)COP1(OCC)=NP(OCC)(OCC)=NP(OCC)(OCC)=N1 CC(C)(C)[NH3+].[O-]S(=O)(=O)C
"""
VARIED = _TEXT.split()
FACTS = ("normalize", "identity", "scaffold", "parent")


def respell(
    molecule: Chem.Mol, seed: int, share_mapped: float, all_maps_equal: bool, brackets: bool
) -> str | None:
    """Another spelling: atoms in another order, some with map numbers, all in brackets; None if RDKit cannot write it so."""
    draw = random.Random(seed)
    mapped = Chem.Mol(molecule)
    for atom in mapped.GetAtoms():
        if draw.random() < share_mapped:
            atom.SetAtomMapNum(1 if all_maps_equal else draw.randrange(1, 1000))
    with rdBase.BlockLogs():
        spelled = Chem.MolToRandomSmilesVect(mapped, 1, randomSeed=1 + seed, allHsExplicit=brackets)[0]
        # What RDKit writes is not always what it was given: then it is no spelling of the molecule.
        again = Chem.MolFromSmiles(clear_maps(spelled))
    same = again is not None and Chem.MolToInchi(again) == Chem.MolToInchi(molecule)
    return spelled if same else None


@st.composite
def edited_molecules(draw: st.DrawFn) -> Chem.Mol:
    """One of the varied molecules, perhaps with other isotopes, and with a proton more or less."""
    molecule = Chem.MolFromSmiles(draw(st.sampled_from(VARIED)))
    atoms = list(molecule.GetAtoms())
    for place in draw(st.lists(st.integers(0, len(atoms) - 1), max_size=3, unique=True)):
        atom = atoms[place]
        if draw(st.booleans()):
            atom.SetIsotope(draw(st.sampled_from((0, 2, 13, 99))))
        elif atom.GetSymbol() in "NO" and not atom.GetFormalCharge() and not atom.GetIsAromatic():
            change = -1 if atom.GetTotalNumHs() and draw(st.booleans()) else 1
            atom.SetFormalCharge(change)
            atom.SetNumExplicitHs(atom.GetTotalNumHs() + change)
            atom.SetNoImplicit(True)
    with rdBase.BlockLogs():
        edited = Chem.MolFromSmiles(Chem.MolToSmiles(molecule))
    return edited or Chem.MolFromSmiles("CO")


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    edited_molecules(), st.integers(0, 10**6), st.sampled_from((0.0, 0.3, 1.0)), st.booleans(), st.booleans()
)
def test_a_molecule_is_one_thing_in_any_spelling(molecule, seed, share_mapped, all_maps_equal, brackets):
    plain = Chem.MolToSmiles(molecule)
    spelled = respell(molecule, seed, share_mapped, all_maps_equal, brackets)
    for name in FACTS if spelled else ():
        of = getattr(smiles, name)
        assert of(spelled) == of(plain), (name, spelled, plain)
        assert of(smiles.normalize(plain)) == of(plain), (name, plain)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(edited_molecules(), st.integers(0, 10**6))
def test_selfies_are_one_thing_in_any_spelling(molecule, seed):
    try:
        normal = selfies.from_smiles(Chem.MolToSmiles(molecule))
    except ValueError:
        return  # SELFIES cannot hold it
    assert selfies.normalize(normal) == normal
    spelled = selfies.randomize(normal, seed)
    assert selfies.normalize(spelled) == normal
    assert selfies.identity(spelled) == selfies.identity(normal)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.text(
        st.sampled_from("a1()-;' \u2010\u2032\u00b4\u1ffd\u2000\u2002\u200d\u0301e\u00e9\u212b\u1fef\u00a0"),
        max_size=8,
    )
)
def test_names_and_texts_are_normal_after_once(typed):
    for notation in (iupac, text):
        if notation.is_valid(typed):
            normal = notation.normalize(typed)
            assert notation.normalize(normal) == normal
            assert notation.is_valid(normal)


@pytest.mark.parametrize(
    ("mapped", "plain"),
    [
        ("[CH3:1][C@H:2]([CH3:3])[OH:4]", "CC(C)O"),
        ("[CH3:1]/[C:2]([CH3:3])=[CH:4]/[CH3:5]", "CC=C(C)C"),
        ("[CH3:1][CH2:2][C@H:3]1[CH2:4][CH2:5][C@H:6]([OH:7])[CH2:8][CH2:9]1", "CC[C@H]1CC[C@H](O)CC1"),
        ("[CH3:1][O:2][H:3]", "CO"),  # a hydrogen with a number stays an atom for RDKit
        ("[CH2:1]=[CH:2][C:3]([H:4])=[O:5]", "C=CC=O"),
    ],
)
def test_what_only_map_numbers_made_is_gone_with_them(mapped: str, plain: str) -> None:
    assert smiles.normalize(mapped) == smiles.normalize(plain)
    assert smiles.same(mapped, plain)["canonical"]
    assert smiles.describe(mapped) == smiles.describe(plain)


def test_a_mapped_spelling_may_be_long() -> None:
    assert (
        smiles.normalize("".join(f"[CH2:{number}]" for number in range(1, 200)))
        == "[CH2]" + "C" * 197 + "[CH2]"
    )


@pytest.mark.parametrize("wrong", ["[CH3:1:2]", "[CH3:]", "[:1]", "C:1]", "[CH3:1"])
def test_clearing_makes_no_molecule_of_what_is_none(wrong: str) -> None:
    assert not smiles.is_valid(wrong)


@pytest.mark.parametrize(
    ("text", "parent"),
    [
        ("[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1", "c1cc[cH-]c1"),  # neither is a molecule without its charge
        ("F[P-](F)(F)(F)(F)F.c1ccc[cH+]cc1", "c1ccc[cH+]cc1"),
        ("C[NH3+].[Cl-]", "CN"),
    ],
)
def test_a_parent_is_a_molecule(text: str, parent: str) -> None:
    found = Chem.MolToSmiles(find_parent(read_valid(text).mol))
    assert found == parent
    assert smiles.normalize(found) == found


@pytest.mark.parametrize("text", VARIED)
def test_what_an_edit_writes_reads_back_as_itself(text: str) -> None:
    for written in (smiles.scaffold(text), flatten(read_valid(text).mol)):
        assert not written or smiles.normalize(written) == written
