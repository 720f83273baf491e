from __future__ import annotations

import itertools
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import AllChem, MACCSkeys
from rdkit.Chem.Scaffolds import MurckoScaffold

from datamodules.notations import smiles
from datamodules.notations.molecules import structure


@pytest.mark.pitfall(14)
@pytest.mark.parametrize("text", ["CCO ethanol", "CCO |$a;;$|"])
def test_parser_reads_the_whole_text(text: str) -> None:
    # The check for white space comes first; this is what stands behind it.
    with rdBase.BlockLogs():
        assert structure._parse(text, sanitize=True) is None


@pytest.mark.pitfall(14)
def test_a_molecule_has_an_atom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "_parse", lambda smiles, sanitize: Chem.Mol())
    assert structure.read.__wrapped__("C") == "no atoms"


def test_molecules_of_all_kinds_are_valid(molecules: list[str]) -> None:
    assert {text: smiles.invalid_reason(text) for text in molecules} == dict.fromkeys(molecules)
    assert smiles.is_valid("C" * 1000)


@pytest.mark.parametrize("mapped", ["[CH3:1][OH:2]", "[CH3:7]O", "C[OH:1]"])
def test_normalize_clears_atom_maps(mapped: str) -> None:
    assert smiles.normalize(mapped) == "CO"
    assert smiles.same(mapped, "CO")["canonical"]


def test_normalize(molecules: list[str]) -> None:
    for text in molecules:
        normal = smiles.normalize(text)
        assert normal == Chem.CanonSmiles(text)
        assert smiles.normalize(normal) == normal
    assert smiles.normalize("[Na+].CC(=O)[O-]") == "CC(=O)[O-].[Na+]"  # neither neutralised nor stripped


@pytest.mark.pitfall(15)
@pytest.mark.parametrize(
    ("prediction", "target", "notions"),
    [
        ("OCC", "OCC", "string canonical inchikey connectivity"),
        ("OCC", "CCO", "canonical inchikey connectivity"),
        ("Oc1ccccn1", "O=c1cccc[nH]1", "inchikey connectivity"),  # 2-hydroxypyridine, 2-pyridone
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "connectivity"),  # D- and L-alanine
        ("CC(N)C(=O)O", "C[C@@H](N)C(=O)O", "connectivity"),  # stereo left out
        ("C/C=C/C", "C/C=C\\C", "connectivity"),
        ("[2H]CO", "CO", "connectivity"),
        ("CC(=O)[O-]", "CC(=O)O", "connectivity"),  # acetate and acetic acid differ in a proton
        ("CCO.CCO", "CCO", ""),
        ("CCO.CCO.O", "CCO.O.O", ""),
        ("CCO.CCO.COC", "CCO.COC.COC", ""),  # the same formula and the same set of components
        ("[Cl-].[Na+]", "[Na+].[Cl-]", "canonical inchikey connectivity"),
        ("COC", "CCO", ""),
        ("CC", "CCO", ""),
        ("C$C", "C$C", "string canonical inchikey connectivity"),
        ("C$C.CC", "CC.C$C", "canonical inchikey connectivity"),  # no InChI, still the same molecule
        ("C[U]$[U]C", "CC[U]$[U]", ""),  # neither has an InChIKey: two empty ones are no match
        ("C1CC", "CCO", ""),
        ("C1CC", "C1CC", "string"),
        ("", "", "string"),
    ],
)
def test_same(prediction: str, target: str, notions: str) -> None:
    expected = dict.fromkeys(["string", "canonical", "inchikey", "connectivity"], False)
    expected.update(dict.fromkeys(notions.split(), True))
    assert smiles.same(prediction, target) == expected
    assert smiles.same(target, prediction) == expected


@pytest.mark.pitfall(15)
def test_same_takes_no_wrong_short_cut(molecules: list[str]) -> None:
    """All pairs, against RDKit asked for everything each time."""
    facts = {}
    for text in molecules:
        mol = Chem.MolFromSmiles(text)
        key = Chem.MolToInchiKey(mol)
        facts[text] = (text, Chem.MolToSmiles(mol), key, key[:14])
    notions = ("string", "canonical", "inchikey", "connectivity")
    for ours, theirs in itertools.product(molecules, repeat=2):
        equal = [a == b for a, b in zip(facts[ours], facts[theirs], strict=True)]
        assert smiles.same(ours, theirs) == dict(zip(notions, equal, strict=True)), (ours, theirs)


@pytest.mark.pitfall(16)
def test_long_strings_are_refused_at_once() -> None:
    start = time.process_time()
    assert smiles.invalid_reason("C" * 10_000) == "longer than 1000 characters"
    assert smiles.same("C" * 10_000, "C")["connectivity"] is False
    assert time.process_time() - start < 1.0  # RDKit takes 13 s


@pytest.mark.pitfall(17)
def test_rdkit_stays_silent_here_and_audible_elsewhere(capfd: pytest.CaptureFixture[str]) -> None:
    before = rdBase.LogStatus()
    capfd.readouterr()
    for text in ["C1CC", "c1cccc1", "C(C)(C)(C)(C)C", "[2H]", "C$C", "[Fe]", "C[C@H](N)C(=O)O", "[H][H]"]:
        smiles.same(text, "C$C")
        smiles.similarity(text, "CCO")
        if smiles.is_valid(text):
            smiles.identity(text)
            smiles.scaffold(text)
            smiles.randomize(text, 1)
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == ""
    assert rdBase.LogStatus() == before
    Chem.MolFromSmiles("C1CC")
    assert "unclosed ring" in capfd.readouterr().err  # others still hear RDKit


@pytest.mark.pitfall(27)
def test_facts_are_computed_once_and_only_where_they_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def count(name: str) -> None:
        function = getattr(Chem, name)
        monkeypatch.setattr(
            structure.Chem, name, lambda *arguments: (calls.append(name), function(*arguments))[1]
        )

    for name in ("MolFromSmiles", "MolToSmiles", "MolToInchiKey"):
        count(name)
    structure.read.cache_clear()
    target = "Oc1ccccn1"
    for _ in range(20):
        smiles.same(target, target)
        smiles.same("c1ccc(nc1)O", target)  # another spelling
        smiles.same("CCO", target)  # other atoms
    # Three molecules are parsed, two canonicalised, and no InChI is needed: it would cost more than all the rest.
    assert sorted(calls) == ["MolFromSmiles"] * 3 + ["MolToSmiles"] * 2
    for _ in range(20):
        smiles.same("O=c1cccc[nH]1", target)  # a tautomer: now it is
    assert calls.count("MolToInchiKey") == 2


def test_identity() -> None:
    assert smiles.identity("C[C@H](N)C(=O)O") == smiles.identity("C[C@@H](N)C(=O)O") == "QNAYBMKLOCPYGJ"
    assert smiles.identity("CCO") == "LFQSCWFLJHTTHZ"
    assert smiles.identity("C$C") == "C$C"  # no InChI
    with pytest.raises(ValueError, match="unclosed ring"):
        smiles.identity("C1CC")


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)O"), ("C[NH3+].[Cl-]", "CN"), ("CN.Cl", "CN"), ("C[C@H](N)C(=O)O", "CC(N)C(=O)O"),
        ("CC(=O)O", "CC(=O)O"), ("CCO.O.O", "CCO"), ("CN.CN.OS(=O)(=O)O", "CN"), ("O=S(=O)(O)O.C", "C"),
        ("CC(C)(C)[NH3+].[O-][Cl+3]([O-])([O-])[O-]", "CC(C)(C)N"),
        ("C[N+](C)(C)C.[O-]C(=O)c1ccccc1", "O=C(O)c1ccccc1"), ("C[N+](C)(C)C.[Br-]", "C[N+](C)(C)C"),
    ],
)  # fmt: skip
def test_a_salt_has_the_parent_of_its_molecule(text: str, like: str) -> None:
    assert smiles.parent(text) == smiles.parent(like) != ""
    assert smiles.parent(text) == smiles.keys(text).split("\t")[3]
    assert smiles.parent(like) == smiles.identity(like)


def test_molecules_without_carbon_have_no_parent() -> None:
    for text in ("[Na+].[Cl-]", "O", "O=S(=O)(O)O.N"):
        assert smiles.parent(text) == ""
    with pytest.raises(ValueError, match="unclosed"):
        smiles.parent("C1CC")


def test_scaffold(molecules: list[str]) -> None:
    assert smiles.scaffold("CCO") == ""
    assert smiles.scaffold("CC(C)Cc1ccc([C@@H](C)C(=O)O)cc1") == "c1ccccc1"
    for text in molecules:
        mol = Chem.MolFromSmiles(text)
        Chem.RemoveStereochemistry(mol)
        assert smiles.scaffold(text) == MurckoScaffold.MurckoScaffoldSmiles(mol=mol), text
    with pytest.raises(ValueError, match="valence"):
        smiles.scaffold("CF=C")


def test_randomize_is_another_spelling(molecules: list[str]) -> None:
    changed = 0
    for text in molecules:
        for seed in (0, 1, -5, 2**31 - 2, 2**40):
            spelled = smiles.randomize(text, seed)
            assert smiles.normalize(spelled) == smiles.normalize(text)
            assert spelled == smiles.randomize(text, seed)
            changed += spelled != text
    assert changed > 0.6 * 5 * len(molecules)
    caffeine = "Cn1c(=O)c2c(ncn2C)n(C)c1=O"
    assert len({smiles.randomize(caffeine, seed) for seed in range(20)}) > 15


def test_randomize_is_equal_in_another_process(molecules: list[str]) -> None:
    code = "import sys; from datamodules.notations import smiles; sys.stdout.write(smiles.randomize(*{!r}))"
    arguments = (max(molecules, key=len), 7)
    done = subprocess.run(
        [sys.executable, "-c", code.format(arguments)], capture_output=True, text=True, check=True
    )
    smiles.randomize("CCO", 3)  # what was asked before does not matter
    assert done.stdout == smiles.randomize(*arguments)


def test_randomize_keeps_a_molecule_that_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure.Chem, "MolToRandomSmilesVect", lambda *_, **__: ["CCN"])
    assert smiles.randomize("OCC", 1) == "OCC"


def test_similarity(molecules: list[str]) -> None:
    for prediction, target in itertools.pairwise(molecules):
        ours, theirs = Chem.MolFromSmiles(prediction), Chem.MolFromSmiles(target)
        found = smiles.similarity(prediction, target)
        if Chem.MolToSmiles(ours) == Chem.MolToSmiles(theirs):
            continue
        tanimoto = DataStructs.TanimotoSimilarity
        with rdBase.BlockLogs():  # the older interface is deprecated, but independent
            morgan = tanimoto(
                *(AllChem.GetMorganFingerprintAsBitVect(mol, 2, 2048) for mol in (ours, theirs))
            )
        assert found == {
            "morgan": pytest.approx(morgan),
            "maccs": pytest.approx(tanimoto(*map(MACCSkeys.GenMACCSKeys, (ours, theirs)))),
            "rdk": pytest.approx(tanimoto(Chem.RDKFingerprint(ours), Chem.RDKFingerprint(theirs))),
        }


def test_similarity_of_equal_empty_and_invalid_molecules() -> None:
    ones, zeros = {"morgan": 1.0, "maccs": 1.0, "rdk": 1.0}, {"morgan": 0.0, "maccs": 0.0, "rdk": 0.0}
    assert smiles.similarity("C", "C") == ones  # its MACCS and path fingerprints are empty
    assert smiles.similarity("OCC", "CCO") == ones
    assert smiles.similarity("C1CC", "CCO") == zeros
    assert smiles.similarity("", "C") == zeros
    with pytest.raises(ValueError, match="unclosed ring"):
        smiles.similarity("CCO", "C1CC")


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.one_of(st.text(max_size=40), st.text("BCFHNOPSclnos()[]=#123%0@+-./\\*:~> $", max_size=25)))
def test_any_text_has_a_verdict(text: str) -> None:
    reason = smiles.invalid_reason(text)
    verdict = smiles.same(text, "CCO")
    assert verdict["string"] == (text == "CCO")
    assert smiles.same(text, text) == {name: name == "string" or reason is None for name in verdict}
    if reason is None:
        assert smiles.is_valid(smiles.normalize(text))
        assert smiles.same(smiles.normalize(text), text)["canonical"]
        assert smiles.identity(text)
        assert smiles.normalize(smiles.randomize(text, 3)) == smiles.normalize(text)


def test_drawing_is_an_image_of_the_size_asked_for() -> None:
    root = ElementTree.fromstring(smiles.draw("CCO", 120, 80))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height")) == ("120px", "80px")
    assert smiles.draw("CCO", 120, 80) == smiles.draw("CCO", 120, 80)
    assert smiles.draw("CCN", 120, 80) != smiles.draw("CCO", 120, 80)
    with pytest.raises(ValueError, match="unclosed ring"):
        smiles.draw("C1CC", 120, 80)
