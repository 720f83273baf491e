from __future__ import annotations

import pytest

from callbacks.rows.training_molecules import KnownMolecules, TrainingMolecules, read_keys
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.text_columns import TextColumn
from datamodules.workers.worker_pool import WorkerPool


def side(task, notations, *pairs):
    inputs, outputs = (TextColumn.of(list(column)) for column in zip(*pairs, strict=True))
    return SideTexts(task, *notations, inputs, outputs, inputs)


TEXTS = [
    side("draw", ("iupac", "smiles"), ("ethanamine", "CCN"), ("benzene", "c1ccccc1")),
    side("draw", ("iupac", "smiles"), ("acetic acid", "CC(=O)O")),
    side("spell", ("text", "text"), ("cat", "k a t")),
]


@pytest.fixture
def pool():
    with WorkerPool(1) as pool:
        yield pool


def test_each_task_is_read_once(pool, monkeypatch):
    asked = []
    plain = WorkerPool.map

    def listen(self, notation, function, texts, numbers=None):
        asked.append((function, len(texts)))
        return plain(self, notation, function, texts, numbers)

    monkeypatch.setattr(WorkerPool, "map", listen)
    training = TrainingMolecules(lambda: TEXTS, pool)
    assert len(training.texts("draw")) == 2
    assert asked == []
    for _ in range(2):
        nearest = training.find_nearest("draw", ["OC(C)=O", "c1ccccc1"])
        assert nearest.place.tolist() == [2, 1]
        assert nearest.similarity.tolist() == [1.0, 1.0]
        assert training.share_parent("draw", ["CC(=O)[O-].[Na+]", "CCCC"]) == [True, False]
    # two files, each read once a task; two molecules are asked about each time
    assert asked.count(("fingerprint", 1)) == 1
    assert asked.count(("keys", 1)) == 1
    assert asked.count(("fingerprint", 2)) == asked.count(("keys", 2)) == 1 + 2


def test_a_task_without_molecules_has_none_near(pool):
    training = TrainingMolecules(lambda: TEXTS, pool)
    assert training.find_nearest("spell", ["CCO"]).place.tolist() == [-1]
    assert training.share_parent("spell", ["CCO"]) == [False]


def test_keys_are_looked_up_one_by_one(pool):
    known = KnownMolecules([TextColumn.of(["C[C@H](N)C(=O)O", "c1ccccc1O"])], pool)
    mirrored, salt = read_keys(TextColumn.of(["C[C@@H](N)C(=O)O", "c1ccccc1[O-].[Na+]"]), pool)
    found = known.look_up(mirrored)
    assert not found.canonical
    assert found.connectivity
    found = known.look_up(salt)
    assert (bool(found.parent), bool(found.scaffold)) == (True, True)
    assert not found.canonical
