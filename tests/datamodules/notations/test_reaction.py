from __future__ import annotations

import random

import pytest
from rdkit import Chem

from datamodules.notations import reaction

ESTER = "CO.CC(=O)O>[H+]>COC(C)=O"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" CC>>CO", "whitespace"),
        ("CC>>CO name", "title after the SMILES"),
        ("CC>>CO |f:0.1|", "CXSMILES extension"),
        ("CC", "not a reaction (reactants>agents>products)"),
        ("CC>CO", "not a reaction (reactants>agents>products)"),
        ("CC>>CO>>C", "not a reaction (reactants>agents>products)"),
        (">>CC", "no reactants"),
        ("CC>O>", "no products"),
        ("C(C)(C)(C)(C)C>>CC", "reactants: valence"),
        ("CC>O..O>CC", "agents: empty component"),
        ("CC>>C1CC", "products: unclosed ring"),
        ("CC>>C*", "products: wildcard atom"),
        ("C" * 4001 + ">>C", "longer than 4000 characters"),
    ],
)
def test_invalid_reason(text: str, reason: str) -> None:
    assert reaction.invalid_reason(text) == reason
    assert not reaction.is_valid(text)
    with pytest.raises(ValueError, match="^" + reason.replace("(", r"\(").replace(")", r"\)") + "$"):
        reaction.normalize(text)


def test_components_are_canonical_and_sorted_in_their_part() -> None:
    assert reaction.normalize("[CH3:1]O.OC(C)=O>[H+]>[CH3:1]OC(C)=O") == "CC(=O)O.CO>[H+]>COC(C)=O"
    assert reaction.normalize("CC>>CO") == "CC>>CO"
    assert reaction.normalize("O.O.CC>>CO") == "CC.O.O>>CO"
    assert reaction.normalize("C1.C1>>CC") == "CC>>CC"  # a bond over a dot joins
    assert reaction.is_valid("[NH3]->[Pt]>>N")  # the arrow of a bond is none of a reaction


def plain(text: str) -> str:
    """The same by RDKit called plainly, component by component."""
    parts = []
    for part in text.split(">"):
        mols = [Chem.MolFromSmiles(one) for one in part.split(".") if one]
        for mol in mols:
            for atom in mol.GetAtoms():
                atom.SetAtomMapNum(0)
        parts.append(".".join(sorted(Chem.CanonSmiles(Chem.MolToSmiles(mol)) for mol in mols)))
    return ">".join(parts)


def test_spelling_order_and_maps_make_no_difference() -> None:
    rng = random.Random(0)
    molecules = [
        "CCO",
        "CC(=O)Cl",
        "c1ccncc1",
        "C[C@H](N)C(=O)O",
        "[Na+].[Cl-]",
        "OB(O)c1ccccc1",
        "C/C=C/C",
        "O",
    ]
    for number in range(60):
        parts = [rng.sample(molecules, rng.randint(1, 3)) for _ in range(3)]
        spelled = []
        for part in parts:
            mol = Chem.MolFromSmiles(".".join(rng.sample(part, len(part))))
            spelled.append(Chem.MolToSmiles(mol, doRandom=True))
        text, other = ">".join(".".join(part) for part in parts), ">".join(spelled)
        assert reaction.normalize(other) == reaction.normalize(text) == plain(text), number
        assert reaction.normalize(reaction.normalize(text)) == reaction.normalize(text)
        assert reaction.same(other, text)["canonical"]
        assert reaction.identity(other) == reaction.identity(text)


def test_same() -> None:
    assert reaction.same("C(C)(=O)O.OC>[H+]>COC(C)=O", ESTER) == {
        "string": False, "canonical": True, "without_agents": True,
    }  # fmt: skip
    # An agent is no reactant, and sides are not exchanged.
    for other in ("CO.CC(=O)O>>COC(C)=O", "CO.CC(=O)O>[Na+]>COC(C)=O"):
        assert reaction.same(other, ESTER) == {"string": False, "canonical": False, "without_agents": True}
    for other in ("CO.CC(=O)O.[H+]>>COC(C)=O", "COC(C)=O>[H+]>CO.CC(=O)O", "CO>[H+]>COC(C)=O", "no"):
        assert reaction.same(other, ESTER) == {"string": False, "canonical": False, "without_agents": False}
    assert reaction.same("CO.CO.CC(=O)O>[H+]>COC(C)=O", ESTER)["canonical"]  # sets, whatever the amounts


def test_strip_title() -> None:
    assert reaction.strip_title("CC>>CO |f:0.1| step 2") == "CC>>CO"
    for text, reason in (("CC>>C[C@H](F)Cl |&1:3|", "CXSMILES"), ("CC>> CO", "title"), ("CC >>CO", "title")):
        with pytest.raises(ValueError, match=reason):
            reaction.strip_title(text)
