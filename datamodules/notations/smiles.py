"""SMILES: a molecule as a line of text, read strictly by RDKit.

Reasons that `invalid_reason` gives: empty, whitespace, title after the SMILES, CXSMILES extension, not ASCII, control
character, longer than 1000 characters, wildcard atom, wildcard bond, no atoms, reaction, not a molecule, unclosed
ring, ring closed onto itself or a neighbour, malformed ring number, misplaced ring number, unbalanced parenthesis,
misplaced parenthesis, unclosed bracket, malformed bracket atom, unknown atom, unexpected character, dangling bond,
empty component, valence, aromatic ring cannot be kekulized, aromatic atom outside a ring, aromatic bond outside a
ring, not parseable.
"""

from __future__ import annotations

from datamodules.notations.molecules import relations, smiles_syntax, structure


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not one complete molecule, or return None.

    Examples:
        >>> invalid_reason("CCO") is None
        True
        >>> [invalid_reason(text) for text in ("CC(", "C1CC", "C(C)(C)(C)(C)C", "")]
        ['unbalanced parenthesis', 'unclosed ring', 'valence', 'empty']
    """
    molecule = structure.read(text)
    return molecule if isinstance(molecule, str) else None


def is_valid(text: str) -> bool:
    """Say whether `text` is one complete molecule that RDKit sanitizes."""
    return invalid_reason(text) is None


def looks_like(text: str) -> bool:
    """Say whether a cell is evidence for a column of SMILES; a title may follow the SMILES of more than two characters."""
    if is_valid(text):
        return True
    smiles = text.split()[0] if text.split() else ""
    if len(smiles) < 3 or smiles == text:
        return False
    try:
        return is_valid(strip_title(text))
    except ValueError:
        return False


def may_go_on(text: str) -> bool:
    """Say whether a SMILES may begin with `text`; needs the extra `constrained`. See `molecules.smiles_prefix`."""
    from datamodules.notations.molecules import smiles_prefix  # an optional package

    return smiles_prefix.may_go_on(text)


def may_end(text: str) -> bool:
    """Say whether `text` is one complete molecule, for partialsmiles and for RDKit; needs the extra `constrained`."""
    from datamodules.notations.molecules import smiles_prefix

    return smiles_prefix.is_whole(text) and is_valid(text)


def normalize(text: str) -> str:
    """Return RDKit's canonical isomeric SMILES.

    Atom-map numbers are cleared. Charges, salts, isotopes, stereo and tautomers stay as they are.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> normalize("OCC"), normalize("C1=CC=CC=C1"), normalize("[CH3:1][OH:2]")
        ('CCO', 'c1ccccc1', 'CO')
        >>> normalize("CC(")
        Traceback (most recent call last):
            ...
        ValueError: unbalanced parenthesis
    """
    return structure.read_once(text).canonical


def strip_title(text: str) -> str:
    """Return the SMILES without the title and the CXSMILES extension that files of molecules have behind it.

    Raises:
        ValueError: If the extension changes the molecule, or the title may be a part of it; the message is the reason.
    """
    return structure.strip_title(text)


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two SMILES by four notions of "same".

    Returns:
        `string`: the same characters. `canonical`: the same canonical isomeric SMILES (2-hydroxypyridine is not
        2-pyridone, L-alanine is not D-alanine, CCO.CCO is not CCO). `inchikey`: the same standard InChIKey, which
        joins tautomers. `connectivity`: the same first block of it, which also drops stereo, isotopes and charge
        that is only a proton. All but `string` are False when either is invalid.

    Examples:
        >>> same("OCC", "CCO")
        {'string': False, 'canonical': True, 'inchikey': True, 'connectivity': True}
        >>> same("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O")  # the two alanines
        {'string': False, 'canonical': False, 'inchikey': False, 'connectivity': True}
        >>> same("Oc1ccccn1", "O=c1cccc[nH]1")  # two tautomers
        {'string': False, 'canonical': False, 'inchikey': True, 'connectivity': True}
    """
    return {
        "string": prediction == target,
        **structure.compare(structure.read(prediction), structure.read(target)),
    }


def identity(text: str) -> str:
    """Return what may not be on both sides of a split: the first block of the InChIKey (14 letters).

    It joins stereoisomers, isotopologues and many tautomers. Where InChI has no answer (quadruple bonds), it is
    the canonical SMILES without stereo and isotopes.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> identity("C[C@H](N)C(=O)O") == identity("CC(N)C(=O)O"), identity("CCO")
        (True, 'LFQSCWFLJHTTHZ')
    """
    return structure.compute_identity(structure.read_once(text))


def scaffold(text: str) -> str:
    """Return the Murcko scaffold (rings and what links them) as SMILES without stereo; "" when acyclic.

    Source: Bemis and Murcko, 1996, doi:10.1021/jm9602928, as RDKit reads it (exocyclic double bonds stay).

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> scaffold("Cc1ccc(O)cc1"), scaffold("CCO")
        ('c1ccccc1', '')
    """
    return structure.compute_scaffold(structure.read_once(text))


def parent(text: str) -> str:
    """Return the identity of the largest organic component, neutral, which a molecule shares with its salts; "" without carbon.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> parent("CC(=O)[O-].[Na+]") == parent("CC(=O)O") == identity("CC(=O)O"), parent("[Na+].[Cl-]")
        (True, '')
    """
    return relations.compute_parent(structure.read_once(text))


def randomize(text: str, seed: int) -> str:
    """Return another spelling of the same molecule, a pure function of (text, seed).

    It reads back as the same canonical SMILES; the few molecules whose spellings do not are returned as they are.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> other = randomize("CC(=O)Oc1ccccc1C(=O)O", seed=1)
        >>> other != "CC(=O)Oc1ccccc1C(=O)O", normalize(other)
        (True, 'CC(=O)Oc1ccccc1C(=O)O')
    """
    return structure.spell_randomly(structure.read_once(text), seed) or text


def pieces(text: str) -> list[str]:
    """Return what a SMILES may be cut into: atoms, bonds, ring numbers, parentheses and dots, never inside one of them.

    Examples:
        >>> pieces("CC(=O)Cl")
        ['C', 'C', '(', '=', 'O', ')', 'Cl']
    """
    return smiles_syntax.split_pieces(text)


def similarity(prediction: str, target: str) -> dict[str, float]:
    """Return Tanimoto similarities in [0, 1] by fingerprint; 0 for each when the prediction is invalid.

    Returns:
        `morgan` (radius 2, 2048 bits), `maccs` (167 keys), `rdk` (paths up to 7 bonds, 2048 bits). A dense cage
        of metal atoms can take half a minute in `rdk`: call this through `worker.GuardedWorker`.

    Raises:
        ValueError: If the target is not valid; the message is the reason.

    Examples:
        >>> {name: round(value, 2) for name, value in similarity("CCO", "CCCO").items()}
        {'morgan': 0.56, 'maccs': 0.64, 'rdk': 0.6}
        >>> similarity("not a molecule", "CCO")
        {'morgan': 0.0, 'maccs': 0.0, 'rdk': 0.0}
    """
    return structure.compute_similarity(structure.read(prediction), structure.read_valid(target))


def relate(prediction: str, target: str) -> dict[str, bool]:
    """Say how two SMILES are related: canonical, without_stereo, tautomer, skeleton, formula; see `relations.relate`."""
    return relations.relate(structure.read(prediction), structure.read(target))


def describe(text: str) -> dict[str, int]:
    """Return what a molecule is like: heavy atoms, rings, stereo, charge, components; see `relations.describe`.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    return relations.describe(structure.read_valid(text))


def keys(text: str) -> str:
    """Return canonical SMILES, `identity`, `scaffold` and `parent`, joined by tabs: what a leak audit compares, read once.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    molecule = structure.read_once(text)
    facts = (
        molecule.canonical, structure.compute_identity(molecule), structure.compute_scaffold(molecule),
        relations.compute_parent(molecule),
    )  # fmt: skip
    return "\t".join(facts)


def fingerprint(text: str) -> str:
    """Return the Morgan fingerprint (radius 2, 2048 bits) as 512 hexadecimal digits.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    return structure.morgan_bits(structure.read_once(text))


def draw(text: str, width: int, height: int) -> str:
    """Return a picture of a molecule as SVG with a transparent ground; its layout can take long, so ask a guarded worker.

    Args:
        text: A valid SMILES.
        width: In pixels.
        height: In pixels.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    return structure.draw_svg(structure.read_once(text), width, height)
