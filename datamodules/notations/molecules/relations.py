"""How two molecules are related, and what kind of molecule one is: for error classes and strata of an evaluation."""

from __future__ import annotations

from rdkit import Chem, rdBase
from rdkit.Chem import rdMolHash

from datamodules.notations.molecules.edits import find_parent, flatten, has_carbon
from datamodules.notations.molecules.structure import Molecule, compare, compute_identity

RELATIONS = ("canonical", "without_stereo", "tautomer", "skeleton", "formula")
_COMMON = frozenset((1, 6, 7, 8, 9, 17, 35, 53))  # CHNO and the halogens
_SPECIFIED = Chem.StereoSpecified.Specified


def relate(prediction: Molecule | str, target: Molecule | str) -> dict[str, bool]:
    """Say how what `read` returned is related, from the strictest relation on; all False if either is a reason.

    Returns:
        `canonical`: the same canonical SMILES. `without_stereo`: the same once stereo and isotopes are dropped.
        `tautomer`: the same InChIKey, so that tautomers that InChI unites are the same. `skeleton`: the largest
        components, neutralised, without stereo, are the same or tautomers (another salt, charge or tautomer).
        `formula`: the same molecular formula, charge included.
    """
    if isinstance(prediction, str) or isinstance(target, str):
        return dict.fromkeys(RELATIONS, False)
    verdicts = compare(prediction, target)
    flat = verdicts["canonical"] or (
        prediction.heavy_formula == target.heavy_formula and flatten(prediction.mol) == flatten(target.mol)
    )
    same_skeleton = flat or verdicts["connectivity"] or hash_parent(prediction) == hash_parent(target)
    return {
        "canonical": verdicts["canonical"],
        "without_stereo": flat,
        "tautomer": verdicts["inchikey"],
        "skeleton": same_skeleton,
        "formula": prediction.formula == target.formula,
    }


def hash_parent(molecule: Molecule) -> str:
    """Return a hash of the largest component, neutral and without stereo, in which hetero-atom tautomers are equal.

    Source: RDKit's HetAtomTautomerv2 of `rdMolHash`.
    """
    with rdBase.BlockLogs():
        neutral = find_parent(molecule.mol)
        plain = Chem.MolFromSmiles(flatten(neutral))  # the hash would keep stereo and isotopes
        return (
            rdMolHash.MolHash(plain, rdMolHash.HashFunction.HetAtomTautomerv2) if plain else flatten(neutral)
        )


def compute_parent(molecule: Molecule) -> str:
    """Return the identity of the largest organic component, neutral: equal for a molecule, its ions and most of its salts.

    Salts of one small ion with different larger ones (a benzoate, a triflate) have different parents. An empty string without
    carbon: sodium chloride and potassium chloride have nothing in common that matters.
    """
    mol = molecule.mol
    if not has_carbon(mol):
        return ""
    if len(Chem.GetMolFrags(mol)) == 1 and not any(atom.GetFormalCharge() for atom in mol.GetAtoms()):
        return compute_identity(molecule)
    with rdBase.BlockLogs():
        return compute_identity(Molecule(find_parent(mol, organic=True)))


def describe(molecule: Molecule) -> dict[str, int]:
    """Return what a molecule is like, as numbers: those that strata are made of.

    Returns:
        `heavy_atoms`; `rings` (smallest set); `stereo` (specified stereocentres and double bonds); `charge` (net);
        `charged_atoms`; `components`; `rare_elements` (atoms other than C, H, N, O, F, Cl, Br, I).
    """
    mol = molecule.mol
    atoms = list(mol.GetAtoms())
    return {
        "heavy_atoms": mol.GetNumHeavyAtoms(),
        "rings": mol.GetRingInfo().NumRings(),
        "stereo": sum(element.specified == _SPECIFIED for element in Chem.FindPotentialStereo(mol)),
        "charge": Chem.GetFormalCharge(mol),
        "charged_atoms": sum(atom.GetFormalCharge() != 0 for atom in atoms),
        "components": len(Chem.GetMolFrags(mol)),
        "rare_elements": sum(atom.GetAtomicNum() not in _COMMON for atom in atoms),
    }
