"""One molecule and the facts that are asked of it; what the notations smiles and selfies share.

Everything here works on SMILES; selfies decodes first. RDKit's log is silenced around each call (it would fill a
terminal with one block of text for each string that a model gets wrong) and never for the whole process.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from datamodules.notations._checks import describe_bad_text, describe_rest, only_draws, split_smiles
from datamodules.notations.molecules.edits import clear_maps, cut_scaffold, flatten
from datamodules.notations.molecules.smiles_syntax import describe_syntax_error

FINGERPRINTS = ("morgan", "maccs", "rdk")
_CACHE_SIZE = (
    4096  # a validation sample of 1,000 targets and its predictions, with room; about 50 MB when full
)
_NOT_HEAVY = re.compile(r"H(?![a-z])\d*|[+-]\d*$")  # hydrogen and charge in a formula; Hg, He, Ho stay
_PROBLEMS = {
    "AtomValenceException": "valence",
    "AtomKekulizeException": "aromatic atom outside a ring",
    "KekulizeException": "aromatic ring cannot be kekulized",
}


class Molecule:
    """A valid molecule. Facts are computed when first asked for, and kept."""

    def __init__(self, mol: Chem.Mol) -> None:
        self.mol = mol

    @functools.cached_property
    def canonical(self) -> str:
        """RDKit's canonical isomeric SMILES."""
        with rdBase.BlockLogs():
            return Chem.MolToSmiles(self.mol)

    @functools.cached_property
    def formula(self) -> str:
        """Molecular formula in Hill order, with charge."""
        return rdMolDescriptors.CalcMolFormula(self.mol)

    @functools.cached_property
    def heavy_formula(self) -> str:
        """The formula without hydrogen and charge: InChI moves protons, but never changes this."""
        return _NOT_HEAVY.sub("", self.formula)

    @functools.cached_property
    def inchikey(self) -> str:
        """Standard InChIKey (27 characters), or an empty string where InChI has no answer (quadruple bonds)."""
        with rdBase.BlockLogs():
            return Chem.MolToInchiKey(self.mol)

    @functools.cached_property
    def fingerprints(self) -> dict[str, DataStructs.ExplicitBitVect]:
        """Bit vectors: Morgan of radius 2 (2048 bits), MACCS keys (167 bits), RDKit paths up to 7 bonds (2048)."""
        with rdBase.BlockLogs():
            return {
                "morgan": _morgan_generator().GetFingerprint(self.mol),
                "maccs": rdMolDescriptors.GetMACCSKeysFingerprint(self.mol),
                "rdk": _path_generator().GetFingerprint(self.mol),
            }


@functools.lru_cache(maxsize=1)
def _morgan_generator() -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def morgan_bits(molecule: Molecule) -> str:
    """Return the Morgan fingerprint as hexadecimal digits, the first bit's byte first."""
    fingerprint = _morgan_generator().GetFingerprint(molecule.mol)
    return bytes(DataStructs.BitVectToBinaryText(fingerprint)).hex()


@functools.lru_cache(maxsize=1)
def _path_generator() -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetRDKitFPGenerator(fpSize=2048)


@functools.lru_cache(maxsize=_CACHE_SIZE)
def read(smiles: str, wildcards: bool = False) -> Molecule | str:
    """Parse a SMILES string strictly.

    Atom-map numbers (`[CH3:1]`) are labels, not chemistry, and are cleared before anything is derived from them. Nothing
    else is changed: salts stay, charges stay, tautomers stay.

    Args:
        smiles: Any text.
        wildcards: Whether `*` may stand for an atom.

    Returns:
        The molecule, or the reason why there is none.
    """
    smiles = clear_maps(smiles)
    reason = describe_rest(smiles) or describe_bad_text(smiles)
    if reason:
        return reason
    if "*" in smiles and not wildcards:
        return "wildcard atom"
    if "~" in smiles:
        return "wildcard bond"
    with rdBase.BlockLogs():
        mol = _parse(smiles, sanitize=True)
        if mol is None:
            return _describe_refusal(smiles)
    reason = _describe_leniency(mol, smiles, wildcards)
    return reason or Molecule(mol)


def _describe_leniency(mol: Chem.Mol, smiles: str, wildcards: bool) -> str | None:
    """Say why a molecule that RDKit takes is none after all, or return None."""
    if mol.GetNumAtoms() == 0:
        return "no atoms"
    if not wildcards and "#0" in smiles and any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        return "wildcard atom"
    # RDKit takes `C:C`, which then has neither hydrogens nor an InChI.
    aromatic = Chem.BondType.AROMATIC
    if ":" in smiles and any(
        bond.GetBondType() == aromatic and not bond.IsInRing() for bond in mol.GetBonds()
    ):
        return "aromatic bond outside a ring"
    return None


def read_once(smiles: str, wildcards: bool = False) -> Molecule:
    """Parse a SMILES string that no one will ask about again, past the cache.

    Normalising a table through the cache took a quarter longer: a molecule that is freed at once leaves warm memory for
    the next one.

    Raises:
        ValueError: If it is not valid; the message is the reason.
    """
    molecule: Molecule | str = read.__wrapped__(smiles, wildcards)
    if isinstance(molecule, str):
        raise ValueError(molecule)
    return molecule


def read_valid(smiles: str) -> Molecule:
    """Parse a SMILES string strictly.

    Raises:
        ValueError: If it is not valid; the message is the reason.
    """
    molecule = read(smiles)
    if isinstance(molecule, str):
        raise ValueError(molecule)
    return molecule


def strip_title(text: str, wildcards: bool = False) -> str:
    """Return a SMILES without the title and the hints for drawing (CXSMILES) behind it.

    Raises:
        ValueError: If the molecule may not be the same without them; the message is the reason.
    """
    smiles, extension, title = split_smiles(text)
    if extension and not only_draws(extension):
        raise ValueError("CXSMILES extension that changes the molecule")
    # A SMILES with a blank inside of it would lose its end.
    if title and not isinstance(read.__wrapped__(title, wildcards), str):
        raise ValueError("title after the SMILES that could be a part of it")
    return smiles


@functools.lru_cache(maxsize=2)  # making these anew costs a fifth of parsing
def _parser_parameters(sanitize: bool) -> Chem.SmilesParserParams:
    parameters: Any = Chem.SmilesParserParams()  # its type stubs do not know that these are attributes
    parameters.parseName = False
    parameters.allowCXSMILES = False
    parameters.sanitize = sanitize
    parameters.removeHs = sanitize
    return parameters


def _parse(smiles: str, sanitize: bool) -> Chem.Mol | None:
    """Parse the whole text as one SMILES: no name after a space, no CXSMILES extension."""
    try:
        return Chem.MolFromSmiles(smiles, _parser_parameters(sanitize))
    except RuntimeError:  # a broken invariant inside RDKit: its bug, but not our caller's
        return None


def _describe_refusal(smiles: str) -> str:
    """Say why RDKit does not take a SMILES: its own findings if it is grammatical, else ours."""
    mol = _parse(smiles, sanitize=False)
    if mol is None:
        return describe_syntax_error(smiles)
    problems = {problem.GetType() for problem in Chem.DetectChemistryProblems(mol)}
    return next((reason for name, reason in _PROBLEMS.items() if name in problems), "not parseable")


def compare(prediction: Molecule | str, target: Molecule | str) -> dict[str, bool]:
    """Compare what `read` returned by canonical SMILES, full InChIKey and the InChIKey's first block.

    InChI costs more than the rest together, so it is asked only where it can matter: equal canonical SMILES are
    equal graphs, and molecules that differ in heavy atoms differ in InChI's formula layer.
    """
    different = {"canonical": False, "inchikey": False, "connectivity": False}
    if isinstance(prediction, str) or isinstance(target, str):
        return different
    if prediction is not target and prediction.heavy_formula != target.heavy_formula:
        return different
    if prediction is target or prediction.canonical == target.canonical:
        return {"canonical": True, "inchikey": True, "connectivity": True}
    ours, theirs = prediction.inchikey, target.inchikey
    known = bool(ours and theirs)  # two molecules without an InChIKey are not the same for that
    return {
        "canonical": False,
        "inchikey": known and ours == theirs,
        "connectivity": known and first_block(ours) == first_block(theirs),
    }


def first_block(inchikey: str) -> str:
    """Return the 14 characters of an InChIKey that hash the connectivity, without stereo, isotopes, charge."""
    return inchikey.partition("-")[0]


def compute_identity(molecule: Molecule) -> str:
    """Return the InChIKey's first block, or SMILES without stereo where there is no InChIKey."""
    return first_block(molecule.inchikey) if molecule.inchikey else flatten(molecule.mol)


def compute_scaffold(molecule: Molecule) -> str:
    """Return the Murcko scaffold as SMILES without stereo and isotopes; an empty string without rings."""
    return cut_scaffold(molecule.mol)


def compute_similarity(prediction: Molecule | str, target: Molecule) -> dict[str, float]:
    """Return the Tanimoto similarity of each fingerprint, in [0, 1]; 0 if the prediction is a reason.

    Equal molecules score 1 even where a fingerprint is empty (methane sets no MACCS key, and 0/0 counts as 0 in
    RDKit for some fingerprints and as 1 for others).
    """
    if isinstance(prediction, str):
        return dict.fromkeys(FINGERPRINTS, 0.0)
    if prediction.canonical == target.canonical:
        return dict.fromkeys(FINGERPRINTS, 1.0)
    return {
        name: float(DataStructs.TanimotoSimilarity(fingerprint, target.fingerprints[name]))
        for name, fingerprint in prediction.fingerprints.items()
    }


def spell_randomly(molecule: Molecule, seed: int) -> str | None:
    """Write another SMILES of the molecule, or return None if what comes out is not the same molecule.

    Source: RDKit's unrestricted random SMILES (Arús-Pous et al., 2019, doi:10.1186/s13321-019-0393-0).
    """
    with rdBase.BlockLogs():
        # Seeds below 2**31 - 1 only: RDKit's generator takes 31 bits, and 0 may come to mean "no seed".
        spelled = Chem.MolToRandomSmilesVect(molecule.mol, 1, randomSeed=1 + seed % (2**31 - 2))[0]
    again = read.__wrapped__(spelled)  # not through the cache: no one will ask for this spelling again
    same = isinstance(again, Molecule) and again.canonical == molecule.canonical
    return spelled if same else None


def draw_svg(molecule: Molecule, width: int, height: int) -> str:
    """Return a picture as SVG, `width` by `height` pixels, small molecules no larger than others."""
    from rdkit.Chem.Draw import rdMolDraw2D  # a fifth of the time to load RDKit

    drawing = rdMolDraw2D.MolDraw2DSVG(width, height)
    options: Any = drawing.drawOptions()
    options.clearBackground = False
    options.fixedBondLength = 28.0
    with rdBase.BlockLogs():
        rdMolDraw2D.PrepareAndDrawMolecule(drawing, molecule.mol)
    drawing.FinishDrawing()
    return drawing.GetDrawingText()
