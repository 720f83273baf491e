"""Named reactions as SMARTS, forwards and backwards, written for this project from what textbooks say of them.

`backward` takes a product apart into reactants, `forward` makes products of these. The forward pattern says what else must
be true of a reactant, so that a product which could be made in two ways, or whose reactants would give a mixture, is none.
"""

from __future__ import annotations

from typing import NamedTuple

_AMINE = "[N;X3;!H0;!$(N[!#6]);!$(N=*);!$(NC=[O,S,N]);!$(NS(=O)=O);!$(Nc):{}]"
"""A primary or secondary aliphatic amine; `{}` is its map number."""
_ANY_AMINE = "[N;X3;!H0;!$(N[!#6]);!$(N=*);!$(NC=[O,S,N]);!$(NS(=O)=O):{}]"
_ACYLATED = "[N;X3;!$(N[!#6]);!$(N(C=[O,S,N])C=[O,S,N]):{}]"
"""The nitrogen of an amide that one acyl group was put on."""
_ALKYLATED = "[N;X3;!$(N[!#6]);!$(N=*);!$(NC=[O,S,N]);!$(NS(=O)=O):{}]"
_PROTIC = "[OX2H,SX2H,NX3;!H0]"


class NamedReaction(NamedTuple):
    """One kind of reaction.

    Attributes:
        name: What chemists call it.
        backward: SMARTS from product to reactants.
        forward: SMARTS from reactants to product.
        reagents: SMILES of what else is in the flask and in no product; empty where nothing is needed.
        unbearable: SMARTS of groups that spoil the reaction, wherever a reactant has them; empty for none.
    """

    name: str
    backward: str
    forward: str
    reagents: str = ""
    unbearable: str = ""


_TRIFLUOROACETIC = "O=C(O)C(F)(F)F"
_CARBONATE = "O=C([O-])[O-].[K+].[K+]"
_PHOSPHANE = "c1ccc(P(c2ccccc2)c2ccccc2)cc1"
_BOC = "C(=O)OC(C)(C)C"

NAMED_REACTIONS = (
    NamedReaction(
        "amide coupling",
        f"[#6:4][C:1](=[O:2])-!@{_ACYLATED.format(3)}>>[#6:4][C:1](=[O:2])O.[N:3]",
        f"[#6:4][C:1](=[O:2])[OH].{_ANY_AMINE.format(3)}>>[#6:4][C:1](=[O:2])[N:3]",
        "CCN=C=NCCCN(C)C",
    ),
    NamedReaction(
        "Schotten-Baumann reaction",
        f"[#6:4][C:1](=[O:2])-!@{_ACYLATED.format(3)}>>[#6:4][C:1](=[O:2])Cl.[N:3]",
        f"[#6:4][C:1](=[O:2])Cl.{_ANY_AMINE.format(3)}>>[#6:4][C:1](=[O:2])[N:3]",
        "[Na+].[OH-]",
        "[$(S(=O)(=O)Cl),$(N=C=O)]",
    ),
    NamedReaction(
        "Fischer esterification",
        "[#6:4][C:1](=[O:2])-!@[O;X2:3][C;X4:5]>>[#6:4][C:1](=[O:2])O.[O:3][C:5]",
        "[#6:4][C:1](=[O:2])[OH].[OH:3][C;X4;!$(C([OH])[!#6;!#1]):5]>>[#6:4][C:1](=[O:2])[O:3][C:5]",
        "O=S(=O)(O)O",
        "[$([NX3;!H0]),$(C(=O)Cl)]",
    ),
    NamedReaction(
        "ester hydrolysis",
        "[#6:4][C;X3:1](=[O:2])[OH:3]>>[#6:4][C:1](=[O:2])[O:3]C",
        "[#6:4][C;X3:1](=[O:2])[O;X2:3][C;X4]>>[#6:4][C:1](=[O:2])[OH:3]",
        "[Na+].[OH-]",
        "[$(C(=O)Cl),$([CX4][Cl,Br,I])]",
    ),
    NamedReaction(
        "Suzuki coupling",
        "[c:1]-!@[c:2]>>[c:1]Br.[c:2]B(O)O",
        "[c:1]Br.[c:2]B([OH])[OH]>>[c:1]-[c:2]",
        f"{_CARBONATE}.[Pd]",
        "[#6][I]",
    ),
    NamedReaction(
        "Sonogashira coupling",
        "[c:1]-[C:2]#[C:3][#6:4]>>[c:1]I.[C:2]#[C:3][#6:4]",
        "[c:1]I.[CH:2]#[C:3][#6:4]>>[c:1]-[C:2]#[C:3][#6:4]",
        "CCN(CC)CC.[Cu]I.[Pd]",
    ),
    NamedReaction(
        "Heck reaction",
        "[c:1]/[CH:2]=[CH:3]/[C:4]=[O:5]>>[c:1]Br.[CH2:2]=[CH:3][C:4]=[O:5]",
        "[c:1]Br.[CH2:2]=[CH:3][C:4]=[O:5]>>[c:1]/[CH:2]=[CH:3]/[C:4]=[O:5]",
        "CCN(CC)CC.[Pd]",
        "[#6][I]",
    ),
    NamedReaction(
        "Buchwald-Hartwig amination",
        f"[c:1]-!@{_ALKYLATED.format(2)}>>[c:1]Br.[N:2]",
        f"[c:1]Br.{_ANY_AMINE.format(2)}>>[c:1][N:2]",
        "CC(C)(C)[O-].[Na+].[Pd]",
        "[$([#6][I]),$([OX2H]),$([SX2H])]",
    ),
    NamedReaction(
        "nucleophilic aromatic substitution",
        f"[c;$(c1ccc([N+](=O)[O-])cc1),$(c1c([N+](=O)[O-])cccc1):1]-!@{_ALKYLATED.format(2)}>>[c:1]F.[N:2]",
        f"[c;$(c1ccc([N+](=O)[O-])cc1),$(c1c([N+](=O)[O-])cccc1):1]F.{_ANY_AMINE.format(2)}>>[c:1][N:2]",
        _CARBONATE,
        "[$([OX2H]),$([SX2H])]",
    ),
    NamedReaction(
        "Williamson ether synthesis",
        "[C;X4;!H0;!H1:1]-!@[O;X2;!$(OC=O);!$(O[!#6]):2][#6:3]>>[C:1]Br.[OH:2][#6:3]",
        "[C;X4;!H0;!H1:1]Br.[OH:2][#6;!$(C=O):3]>>[C:1][O:2][#6:3]",
        "[H-].[Na+]",
        "[$([SX2H]),$([NX3;!H0]),$([nH]),$(C(=O)[OH]),$([#6][I])]",
    ),
    NamedReaction(
        "Mitsunobu reaction",
        "[c:1]-!@[O:2]-!@[C;X4;H2:3]>>[c:1][OH:2].O[C:3]",
        "[c:1][OH:2].[OH][C;X4;H2:3]>>[c:1][O:2][C:3]",
        f"CCOC(=O)N=NC(=O)OCC.{_PHOSPHANE}",
        "[$([SX2H]),$([NX3;!H0]),$(C(=O)[OH])]",
    ),
    NamedReaction(
        "thioether formation",
        "[C;X4;!H0;!H1:1]-!@[S;X2;!$(S[!#6]):2][#6:3]>>[C:1]Br.[SH:2][#6:3]",
        "[C;X4;!H0;!H1:1]Br.[SH:2][#6:3]>>[C:1][S:2][#6:3]",
        _CARBONATE,
        "[$([NX3;!H0;!$(NC=O)]),$([#6][I])]",
    ),
    NamedReaction(
        "reductive amination",
        f"[#6:4][C;X4;H2:1]-!@{_ALKYLATED.format(2)}>>[#6:4][C:1]=O.[N:2]",
        f"[#6:4][C;X3;H1:1]=O.{_ANY_AMINE.format(2)}>>[#6:4][C:1][N:2]",
        "[BH3-]C#N.[Na+]",
        "[$([#6][C;X3](=O)[#6]),$([SX2H])]",
    ),
    NamedReaction(
        "N-alkylation",
        f"[C;X4;!H0;!H1:1]-!@{_ALKYLATED.format(2)}>>[C:1]Br.[N:2]",
        f"[C;X4;!H0;!H1:1]Br.{_AMINE.format(2)}>>[C:1][N:2]",
        _CARBONATE,
        "[$([SX2H]),$(c[OH]),$(C(=O)[OH]),$([#6][I])]",
    ),
    NamedReaction(
        "sulfonamide formation",
        "[#6:4][S:1](=[O:2])(=[O:3])-!@[N;X3;!$(N[!#6;!S]);!$(N(S)S):5]>>[#6:4][S:1](=[O:2])(=[O:3])Cl.[N:5]",
        f"[#6:4][S:1](=[O:2])(=[O:3])Cl.{_ANY_AMINE.format(5)}>>[#6:4][S:1](=[O:2])(=[O:3])[N:5]",
        "c1ccncc1",
        "[$([SX2H]),$(C(=O)Cl)]",
    ),
    NamedReaction(
        "urea formation",
        "[#6:5][NH:1][C:2](=[O:3])-!@[N;X3;!$(N[!#6]):4]>>[#6:5][N:1]=[C:2]=[O:3].[N:4]",
        f"[#6:5][N:1]=[C:2]=[O:3].{_ANY_AMINE.format(4)}>>[#6:5][N:1][C:2](=[O:3])[N:4]",
        "",
        "[OX2H,SX2H]",
    ),
    NamedReaction(
        "azide-alkyne cycloaddition",
        "[#6:6]-!@[n:3]1[cH:1][c:2](-!@[#6:7])[n:5][n:4]1>>[#6:6][N:3]=[N+:4]=[N-:5].[C:1]#[C:2][#6:7]",
        "[#6:6][N:3]=[N+:4]=[N-:5].[CH:1]#[C:2][#6:7]>>[#6:6][n+0:3]1[c:1][c:2]([#6:7])[n+0:5][n+0:4]1",
        "O=S(=O)([O-])[O-].[Cu+2]",
    ),
    NamedReaction(
        "Wittig reaction",
        "[CH2:2]=[C;$(C[#6]);!$(C=C=*);!$(C[!#6;!#1]):1]>>[C:1]=O.[C:2]=P(c1ccccc1)(c1ccccc1)c1ccccc1",
        "[C;$(C([#6])=O);!$(C([!#6;!#1])=O):1]=O.[CH2:2]=P(c)(c)c>>[C:1]=[C:2]",
        "",
        "[$([OX2H]),$([SX2H]),$([NX3;!H0])]",
    ),
    NamedReaction(
        "Grignard addition",
        "[C;X4;!$(C([OH])[!#6;!#1]);$(C[#6]):1]([OH:2])-!@[#6;!$(C([OH])C[OH]);!$(C=O);!$(C#N):3]>>[C:1]=[O:2].[#6:3][Mg]Br",
        "[C;$(C([#6])=O);!$(C([!#6;!#1])=O):1]=[O:2].[#6:3][Mg]Br>>[C:1]([OH:2])[#6:3]",
        "C1CCOC1",
        "[$([OX2H]),$([SX2H]),$([NX3;!H0]),$([nH]),$(C#[CH]),$(C(=O)[O,N,S,Cl]),$(C#N),$([N+](=O)[O-]),$([#6][Br,I])]",
    ),
    NamedReaction(
        "ketone reduction",
        "[#6:3][C;X4;H1:1]([OH:2])[#6:4]>>[#6:3][C:1](=[O:2])[#6:4]",
        "[#6:3][C;X3:1](=[O:2])[#6:4]>>[#6:3][CH:1]([OH:2])[#6:4]",
        "[BH4-].[Na+]",
        "[$([CX3;H1]=O),$(C(=O)Cl)]",
    ),
    NamedReaction(
        "Swern oxidation",
        "[#6:3][C;X3:1](=[O:2])[#6:4]>>[#6:3][C:1]([OH:2])[#6:4]",
        "[#6:3][C;X4;H1:1]([OH:2])[#6:4]>>[#6:3][C:1](=[O:2])[#6:4]",
        "CCN(CC)CC.CS(C)=O.O=C(Cl)C(=O)Cl",
        "[$([CH2][OH]),$([SX2H]),$([NX3;!H0;!$(NC=O)])]",
    ),
    NamedReaction(
        "nitro reduction",
        "[c:1][NH2:2]>>[c:1][N+:2](=O)[O-]",
        "[c:1][N+:2](=O)[O-]>>[c:1][NH2;+0:2]",
        "[H][H].[Pd]",
        "[$(C=C),$(C#C),$([#6][I,Br]),$([CX3;H1]=O),$(N=[N+]=[N-])]",
    ),
    NamedReaction(
        "Boc protection",
        f"[N;X3;!$(N[!#6]):1]-!@{_BOC}>>[N:1].CC(C)(C)OC(=O)OC(=O)OC(C)(C)C",
        f"{_ANY_AMINE.format(1)}.CC(C)(C)OC(=O)OC(=O)OC(C)(C)C>>[N:1]{_BOC}",
        "CCN(CC)CC",
    ),
    NamedReaction(
        "Boc deprotection",
        f"{_AMINE.format(1)}>>[N:1]{_BOC}",
        f"[N:1]{_BOC}>>[N:1]",
        _TRIFLUOROACETIC,
        "[$(C(=O)OC(C)(C)C);!$(C(=O)(N)OC(C)(C)C)]",
    ),
    NamedReaction(
        "Friedel-Crafts acylation",
        "[c:1]-!@[C:2](=[O:3])[#6:4]>>[cH:1].Cl[C:2](=[O:3])[#6:4]",
        "[cH;r6:1].Cl[C:2](=[O:3])[#6:4]>>[c:1][C:2](=[O:3])[#6:4]",
        "Cl[Al](Cl)Cl",
        f"[$({_PROTIC}),$([NX3]),$([n]),$(c[N+](=O)[O-]),$(c[C](=O))]",
    ),
    NamedReaction(
        "Diels-Alder reaction",
        "[C;X4:1]1[C:2]=[C:3][C;X4:4][C;X4;$(C[C]=O):5][C;X4:6]1>>[C:1]=[C:2][C:3]=[C:4].[C:5]=[C:6]",
        "[C;!R:1]=[C;!R:2][C;!R:3]=[C;!R:4].[C;$(C[C]=O):5]=[C:6]>>[C:1]1[C:2]=[C:3][C:4][C:5][C:6]1",
    ),
    NamedReaction(
        "Michael addition",
        f"{_ALKYLATED.format(1)}-!@[CH2:2][CH2:3][C:4]=[O:5]>>[N:1].[C:2]=[C:3][C:4]=[O:5]",
        f"{_AMINE.format(1)}.[CH2:2]=[CH:3][C:4]=[O:5]>>[N:1][C:2][C:3][C:4]=[O:5]",
        "",
        "[$([SX2H]),$(C(=O)[OH]),$(C(=O)Cl)]",
    ),
    NamedReaction(
        "epoxide opening",
        f"{_ALKYLATED.format(1)}-!@[CH2:2][C;X4;H1:4]([OH:3])[C:6]>>[N:1].[C:2]1[O:3][C:4]1[C:6]",
        f"{_ANY_AMINE.format(1)}.[CH2:2]1[O:3][C;H1:4]1[C:6]>>[N:1][C:2][C:4]([OH:3])[C:6]",
        "",
        "[$([SX2H]),$(C(=O)[OH]),$(c[OH])]",
    ),
    NamedReaction(
        "oxime formation",
        "[#6:4][C;X3:1]=[N:2][OH:3]>>[#6:4][C:1]=O.[N:2][OH:3]",
        "[#6:4][C;X3;!$(C(=O)[!#6;!#1]):1]=O.[NH2:2][OH:3]>>[#6:4][C:1]=[N:2][OH:3]",
        "CC(=O)[O-].[Na+]",
    ),
    NamedReaction(
        "Appel reaction",
        "[C;X4;H2:1]Br>>[C:1]O",
        "[C;X4;H2:1][OH]>>[C:1]Br",
        f"BrC(Br)(Br)Br.{_PHOSPHANE}",
        "[$([SX2H]),$([NX3;!H0;!$(NC=O)]),$(C(=O)[OH])]",
    ),
    NamedReaction(
        "Hantzsch thiazole synthesis",
        "[c:1]1[cH:2][s:5][c:4](-!@[#6,N:7])[n:3]1>>[C:1](=O)[C:2]Br.[N:3][C:4](=[S:5])[*:7]",
        "[C;$(C[#6]):1](=O)[CH2:2]Br.[NH2:3][C:4]([#6,N:7])=[S:5]>>[c:1]1[c:2][s:5][c:4]([*:7])[n:3]1",
        "",
        "[$([SX2H])]",
    ),
    NamedReaction(
        "Phillips benzimidazole synthesis",
        "[c:2]1[n:4][c:5]([#6:6])[nH:1][c:3]1>>[c:2]([NH2:4])[c:3][NH2:1].O[C:5](=O)[#6:6]",
        "[c:2]([NH2:4])[c:3][NH2:1].[OH][C:5](=O)[#6:6]>>[c:2]1[n:4][c:5]([#6:6])[nH:1][c:3]1",
        "Cl",
    ),
    NamedReaction(
        "Paal-Knorr pyrrole synthesis",
        "[#6:6]-!@[n:5]1[c:1]([#6:7])[c:2][c:3][c:4]1[#6:8]>>[#6:6][N:5].[#6:7][C:1](=O)[C:2][C:3][C:4](=O)[#6:8]",
        "[#6:6][NH2:5].[#6:7][C:1](=O)[CH2,CH:2][CH2,CH:3][C:4](=O)[#6:8]>>[#6:6][n:5]1[c:1]([#6:7])[c:2][c:3][c:4]1[#6:8]",
        "CC(=O)O",
    ),
)
