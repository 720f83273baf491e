from __future__ import annotations

import re

import pytest
from rdkit import Chem

from datamodules.notations import smiles

REASONS = {
    "": "empty",
    " ": "whitespace",
    "CCO foo bar": "title after the SMILES",
    "CCO\nCCN": "whitespace",
    "CCO\n": "whitespace",
    " CCO": "whitespace",
    "CCO\tethanol": "title after the SMILES",
    "CCO\u00a0": "whitespace",
    "CCO |$a;;$|": "CXSMILES extension",
    "CCO\x00": "control character",
    "CC\u041e": "not ASCII",  # Cyrillic O
    "CCO\ud800": "not ASCII",
    "*": "wildcard atom",
    "CC*": "wildcard atom",
    "C[*:1]": "wildcard atom",
    "C[0*]": "wildcard atom",
    "C[#0]": "wildcard atom",
    "C~C": "wildcard bond",
    "C:C": "aromatic bond outside a ring",
    "CC>>CO": "reaction, not a molecule",
    "C1CC": "unclosed ring",
    "C%12CC": "unclosed ring",
    "C1CC2": "unclosed ring",
    "C11": "ring closed onto itself or a neighbour",
    "C1C1": "ring closed onto itself or a neighbour",
    "C12CC12": "ring closed onto itself or a neighbour",
    "C%1": "malformed ring number",
    "1CC1": "misplaced ring number",
    "c1ccc(-2ccccc2)cc1": "misplaced ring number",
    "C(1)CC1": "misplaced ring number",
    "CC(C": "unbalanced parenthesis",
    "CC)C": "unbalanced parenthesis",
    "C()C": "misplaced parenthesis",
    "(C)C": "misplaced parenthesis",
    "C[NH": "unclosed bracket",
    "CN]": "unclosed bracket",
    "C[]": "malformed bracket atom",
    "[C@@@H](F)(Cl)Br": "malformed bracket atom",
    "[Xx]": "unknown atom",
    "CX": "unknown atom",
    "Na": "unknown atom",
    "CH4": "unknown atom",
    "C{C}": "unexpected character",
    "C=": "dangling bond",
    "=C": "dangling bond",
    "C(=)C": "dangling bond",
    "C==C": "dangling bond",
    "C..C": "empty component",
    ".C": "empty component",
    "C.": "empty component",
    "C(C)(C)(C)(C)C": "valence",
    "CF=C": "valence",
    "c1cccc1": "aromatic ring cannot be kekulized",
    "n1cccc1": "aromatic ring cannot be kekulized",
    "cc": "aromatic atom outside a ring",
    "C" * 1001: "longer than 1000 characters",
}


@pytest.mark.pitfall(14)
@pytest.mark.parametrize(("text", "reason"), REASONS.items(), ids=lambda value: ascii(value)[:24])
def test_invalid_reason(text: str, reason: str) -> None:
    assert smiles.invalid_reason(text) == reason
    assert not smiles.is_valid(text)
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        smiles.normalize(text)


def _reason_in_log(log: str) -> str | None:
    """What RDKit says in words, for the mistakes that it names unmistakably."""
    names = {
        "unclosed ring": "unclosed ring",
        "extra open parentheses": "unbalanced parenthesis",
        "extra close parentheses": "unbalanced parenthesis",
        "duplicated ring closure": "ring closed onto itself or a neighbour",
        "duplicates bond": "ring closed onto itself or a neighbour",
    }
    return next((reason for words, reason in names.items() if words in log), None)


def test_reasons_agree_with_rdkit(molecules: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Every way to drop or double one character of real molecules: our words against RDKit's log."""
    pairs = []
    for text in molecules[::3]:
        for position, character in enumerate(text):
            for wrong in (
                text[:position] + text[position + 1 :],
                text[:position] + character + text[position:],
            ):
                capfd.readouterr()
                accepted = wrong != "" and Chem.MolFromSmiles(wrong) is not None
                expected = _reason_in_log(capfd.readouterr().err)
                reason = smiles.invalid_reason(wrong)
                assert (reason is None) == accepted, (wrong, reason)
                assert reason != "not parseable", wrong
                if expected:
                    pairs.append((expected, reason))
    assert len(pairs) > 100
    for expected, reason in pairs:
        # RDKit blames the parenthesis for any mistake inside of it; there we name the mistake.
        assert reason == expected or expected == "unbalanced parenthesis"
    assert sum(expected == reason for expected, reason in pairs) > 0.8 * len(pairs)
