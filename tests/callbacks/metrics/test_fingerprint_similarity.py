from __future__ import annotations

import pytest
from rdkit import Chem
from rdkit.Chem import MACCSkeys
from rdkit.DataStructs import TanimotoSimilarity

from callbacks.metrics.fingerprint_similarity import FingerprintSimilarity
from tests.helpers.callback_stubs import score_rows


def test_fingerprint_similarity_counts_invalid_as_zero_and_apart():
    alike, broken, text = score_rows(
        FingerprintSimilarity(), ("CCCO", "CCO"), ("CC(", "CCO"), ("CCO", "CCO", "text")
    )
    keys = [MACCSkeys.GenMACCSKeys(Chem.MolFromSmiles(smiles)) for smiles in ("CCCO", "CCO")]
    paths = [Chem.RDKFingerprint(Chem.MolFromSmiles(smiles)) for smiles in ("CCCO", "CCO")]
    assert alike["maccs"] == alike["maccs_valid"] == pytest.approx(TanimotoSimilarity(*keys))
    assert alike["rdk"] == pytest.approx(TanimotoSimilarity(*paths))
    assert broken == {"morgan": 0.0, "maccs": 0.0, "rdk": 0.0}
    assert text == {}
