from __future__ import annotations

import pytest
from rdkit import Chem

from datamodules.sources.building.named_reactions import NAMED_REACTIONS, NamedReaction
from datamodules.sources.building.reactions import Rule

EXAMPLES = {
    "amide coupling": ("CC(=O)O", "NCc1ccccc1", "CC(=O)NCc1ccccc1"),
    "Schotten-Baumann reaction": ("CC(=O)Cl", "NCc1ccccc1", "CC(=O)NCc1ccccc1"),
    "Fischer esterification": ("O=C(O)c1ccccc1", "CCO", "CCOC(=O)c1ccccc1"),
    "ester hydrolysis": ("CCOC(=O)c1ccccc1", "O=C(O)c1ccccc1"),
    "Suzuki coupling": ("Cc1ccc(Br)cc1", "OB(O)c1ccccc1", "Cc1ccc(-c2ccccc2)cc1"),
    "Sonogashira coupling": ("Ic1ccccc1", "C#CCO", "OCC#Cc1ccccc1"),
    "Heck reaction": ("Brc1ccccc1", "C=CC(=O)OC", "COC(=O)/C=C/c1ccccc1"),
    "Buchwald-Hartwig amination": ("Cc1ccc(Br)cc1", "C1COCCN1", "Cc1ccc(N2CCOCC2)cc1"),
    "nucleophilic aromatic substitution": (
        "O=[N+]([O-])c1ccc(F)cc1",
        "C1CCNC1",
        "O=[N+]([O-])c1ccc(N2CCCC2)cc1",
    ),
    "Williamson ether synthesis": ("CCBr", "Oc1ccccc1", "CCOc1ccccc1"),
    "Mitsunobu reaction": ("Oc1ccccc1", "OCc1ccccc1", "c1ccc(COc2ccccc2)cc1"),
    "thioether formation": ("CCBr", "Sc1ccccc1", "CCSc1ccccc1"),
    "reductive amination": ("O=Cc1ccccc1", "CN", "CNCc1ccccc1"),
    "N-alkylation": ("CCBr", "C1CCNCC1", "CCN1CCCCC1"),
    "sulfonamide formation": ("CS(=O)(=O)Cl", "Nc1ccccc1", "CS(=O)(=O)Nc1ccccc1"),
    "urea formation": ("O=C=Nc1ccccc1", "CCN", "CCNC(=O)Nc1ccccc1"),
    "azide-alkyne cycloaddition": ("CN=[N+]=[N-]", "C#Cc1ccccc1", "Cn1cc(-c2ccccc2)nn1"),
    "Wittig reaction": ("O=C1CCCCC1", "C=P(c1ccccc1)(c1ccccc1)c1ccccc1", "C=C1CCCCC1"),
    "Grignard addition": ("CC(C)=O", "Br[Mg]c1ccccc1", "CC(C)(O)c1ccccc1"),
    "ketone reduction": ("CC(=O)c1ccccc1", "CC(O)c1ccccc1"),
    "Swern oxidation": ("CC(O)c1ccccc1", "CC(=O)c1ccccc1"),
    "nitro reduction": ("Cc1ccc([N+](=O)[O-])cc1", "Cc1ccc(N)cc1"),
    "Boc protection": ("NCc1ccccc1", "CC(C)(C)OC(=O)OC(=O)OC(C)(C)C", "CC(C)(C)OC(=O)NCc1ccccc1"),
    "Boc deprotection": ("CC(C)(C)OC(=O)NCc1ccccc1", "NCc1ccccc1"),
    "Friedel-Crafts acylation": ("c1ccccc1", "CC(=O)Cl", "CC(=O)c1ccccc1"),
    "Diels-Alder reaction": ("C=CC=C", "O=C1C=CC(=O)O1", "O=C1OC(=O)C2CC=CCC12"),
    "Michael addition": ("C1CCNCC1", "C=CC(=O)OC", "COC(=O)CCN1CCCCC1"),
    "epoxide opening": ("CC(C)N", "c1ccc(OCC2CO2)cc1", "CC(C)NCC(O)COc1ccccc1"),
    "oxime formation": ("O=C1CCCCC1", "NO", "ON=C1CCCCC1"),
    "Appel reaction": ("OCc1ccccc1", "BrCc1ccccc1"),
    "Hantzsch thiazole synthesis": ("O=C(CBr)c1ccccc1", "CC(N)=S", "Cc1nc(-c2ccccc2)cs1"),
    "Phillips benzimidazole synthesis": ("Nc1ccccc1N", "CC(=O)O", "Cc1nc2ccccc2[nH]1"),
    "Paal-Knorr pyrrole synthesis": ("CN", "CC(=O)CCC(C)=O", "Cc1ccc(C)n1C"),
}
"""A textbook's example of each: reactants, and last the product."""
BY_NAME = {named.name: named for named in NAMED_REACTIONS}


def test_each_named_reaction_has_an_example() -> None:
    assert len(BY_NAME) == len(NAMED_REACTIONS)
    assert set(EXAMPLES) == set(BY_NAME)


def canonical(smiles: str) -> str:
    return str(Chem.MolToSmiles(Chem.MolFromSmiles(smiles)))


@pytest.mark.parametrize("named", NAMED_REACTIONS, ids=lambda named: named.name)
def test_textbook_example_runs_forwards_and_backwards(named: NamedReaction) -> None:
    *reactants, product = map(canonical, EXAMPLES[named.name])
    rule = Rule(named)
    assert rule.makes(tuple(reactants)) == {product}
    taken_apart = [set(found) for found in rule.take_apart(Chem.MolFromSmiles(product))]
    if named.name != "ester hydrolysis":  # backwards, it gives the methyl ester
        assert set(reactants) in taken_apart
    if named.reagents:
        assert Chem.MolFromSmiles(named.reagents) is not None
