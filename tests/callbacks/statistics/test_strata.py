from __future__ import annotations

import csv

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import AllChem

from callbacks.metrics.stratified_match import StratifiedMatch
from callbacks.rows.nearest_training import find_nearest, fingerprints
from callbacks.statistics.intervals import wilson_interval
from callbacks.statistics.strata import CUTS, Stratified, bins_of, name_bin, stratify
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.text_columns import TextColumn
from datamodules.workers.worker_pool import WorkerPool
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer


@pytest.mark.parametrize(
    ("stratum", "value", "name"),
    [
        ("heavy_atoms", 5, "0 to 5"), ("heavy_atoms", 6, "6 to 10"), ("heavy_atoms", 51, "51 and more"),
        ("rings", 0, "0"), ("rings", 1, "1"), ("rings", 5, "4 to 5"), ("components", 1, "1"), ("components", 3, "2 and more"),
        ("nearest_training", 0.0, "0 to <0.3"), ("nearest_training", 0.3, "0.3 to <0.4"),
        ("nearest_training", 0.999, "0.9 to <1"), ("nearest_training", 1.0, "1"),
    ],
)  # fmt: skip
def test_bins_say_what_is_in_them(stratum, value, name):
    assert name_bin(CUTS[stratum], value)[1] == name


def test_charge_and_elements_have_bins_of_their_own():
    def names(**numbers):
        return {stratum: name for stratum, (_, name) in bins_of(numbers).items()}

    assert names(charge=0, charged_atoms=0) == {"charge": "no charge"}
    assert names(charge=0, charged_atoms=2) == {"charge": "charged atoms, neutral in all"}
    assert names(charge=-1, charged_atoms=1) == {"charge": "net charge"}
    assert names(rare_elements=0) == {"elements": "C, H, N, O, halogens only"}
    assert names(rare_elements=2) == {"elements": "others, too"}


def test_each_row_is_in_one_bin_of_each_stratum():
    rng = np.random.default_rng(0)
    rows = [
        Stratified(
            "t",
            bool(n % 3 == 0),
            n % 3 < 2,
            {"rings": int(rng.integers(8)), "input_length": int(rng.integers(200))},
        )
        for n in range(300)
    ]
    lines = stratify(rows)
    for stratum in ("rings", "input_length"):
        mine = [line for line in lines if line["stratum"] == stratum]
        assert sum(line["rows"] for line in mine) == 300
        assert sum(line["exact"] for line in mine) == 100
        assert sum(line["right"] for line in mine) == 200
    few = next(line for line in lines if line["bin"] == "1")
    expected = [row for row in rows if row.numbers["rings"] == 1]
    assert (few["rows"], few["exact"]) == (len(expected), sum(row.exact for row in expected))
    assert (few["low"], few["high"]) == wilson_interval(few["exact"], few["rows"])
    rings = [line["bin"] for line in lines if line["stratum"] == "rings"]
    assert rings == ["0", "1", "2", "3", "4 to 5", "6 and more"]


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


class TrainedData(StubData):
    def side_texts(self, side):
        assert side == "train"
        molecules = TextColumn.of(["CCN", "c1ccccc1", "CC(=O)O"])
        names = TextColumn.of(["ethanamine", "benzene", "acetic acid"])
        return [
            SideTexts("to_smiles", "iupac", "smiles", names, molecules),
            SideTexts("spell", "text", "text", names, names),
        ]


def test_the_file_has_molecules_and_lengths(tmp_path):
    pairs = [
        Pair("ethanol", "CCO", "OCC"),
        Pair("benzene", "c1ccccc1", "c1ccccc1"),
        Pair("salt", "CC(=O)[O-].[Na+]", "CC"),
        Pair("word", "w o r d", "w o r d", "spell", "text"),
    ]
    trainer = make_trainer(tmp_path, [StratifiedMatch()])
    trainer.test(ScriptedModel(pairs), datamodule=TrainedData(pairs), verbose=False)
    with (tmp_path / "test" / "strata.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    found = {(line["task"], line["stratum"], line["bin"]): line for line in lines}
    assert [found["to_smiles", "nearest_training", "1"][name] for name in ("rows", "exact", "right")] == [
        "1",
        "1",
        "1",
    ]
    salts = {line["bin"]: line["rows"] for line in lines if line["stratum"] == "parent_in_training"}
    assert salts == {
        "no form of it is": "1",
        "a salt, an ion or the parent of it is": "2",
    }  # benzene itself, the acetate
    near = [line for line in lines if line["stratum"] == "nearest_training"]
    assert sum(int(line["rows"]) for line in near) == 3
    assert found["to_smiles", "rings", "0"]["share_right"] == "0.5"
    assert found["to_smiles", "rings", "0"]["exact_match"] == "0.0"
    assert found["to_smiles", "elements", "others, too"]["rows"] == "1"
    assert {line["stratum"] for line in lines if line["task"] == "spell"} == {"input_length", "target_length"}
    assert found["spell", "target_length", "0 to 10"]["exact_match"] == "1.0"


def test_salts_are_sought_in_a_test_only(tmp_path):
    pairs = [Pair("salt", "CC(=O)[O-].[Na+]", "CC")]
    trainer = make_trainer(tmp_path, [StratifiedMatch()])
    trainer.validate(ScriptedModel(pairs), datamodule=TrainedData(pairs), verbose=False)
    [path] = tmp_path.rglob("strata.csv")
    assert "nearest_training" in path.read_text()
    assert "parent_in_training" not in path.read_text()


def test_a_fit_writes_none(tmp_path):
    pairs = [Pair("ethanol", "CCO", "OCC")]
    trainer = make_trainer(tmp_path, [StratifiedMatch()])
    trainer.fit(ScriptedModel(pairs), datamodule=TrainedData(pairs))
    assert not list(tmp_path.rglob("strata.csv"))
