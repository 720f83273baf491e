from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import AllChem

from callbacks.rows.nearest_training import find_nearest, fingerprints
from datamodules.workers.worker_pool import WorkerPool

SMILES = [
    "CCO",
    "CCN",
    "c1ccccc1O",
    "c1ccccc1",
    "CC(=O)Nc1ccc(O)cc1",
    "C",
    "CCCCCCCC",
    "C1CCCCC1",
    "OCC(O)CO",
]


def test_nearest_is_what_rdkit_says(monkeypatch):
    monkeypatch.setattr("callbacks.rows.nearest_training._QUERIES", 2)
    monkeypatch.setattr("callbacks.rows.nearest_training._KNOWN", 3)
    queries = ["CCCO", "Oc1ccccc1C", "CC(=O)Nc1ccc(N)cc1", "CCO"]
    with WorkerPool(1) as pool:
        found = find_nearest(fingerprints(queries, pool), fingerprints(SMILES, pool))
        assert fingerprints(["C(", "CCO"], pool).any(axis=1).tolist() == [False, True]

    def bits(text):
        return AllChem.GetMorganFingerprintAsBitVect(Chem.MolFromSmiles(text), 2, nBits=2048)

    for place, text in enumerate(queries):
        values = DataStructs.BulkTanimotoSimilarity(bits(text), [bits(other) for other in SMILES])
        assert found.similarity[place] == pytest.approx(max(values))
        assert found.place[place] == int(np.argmax(values))


def test_what_has_no_fingerprint_has_no_neighbour():
    nothing, something = np.zeros((1, 256), dtype=np.uint8), np.ones((1, 256), dtype=np.uint8)
    assert np.isnan(find_nearest(nothing, something).similarity[0])
    assert find_nearest(something, nothing).place[0] == -1
    assert np.isnan(find_nearest(something, something[:0]).similarity[0])
