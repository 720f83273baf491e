"""What pretraining reads, and that no held-out molecule is among it, whichever string it is written as."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import selfies
from rdkit import Chem, rdBase

from configs.lookup import CONFIGS, load_yaml
from datamodules.sources.rows import Rows, built_in
from datamodules.sources.shipped import PUBCHEM, ShippedSource
from datamodules.splits import TRAIN, split_by_hash
from datamodules.texts.training_texts import Texts, main

TASKS = {
    "smiles_to_iupac": 1,
    "random_smiles_to_canonical": 1,
    "iupac_to_smiles": 1,
    "name_to_name": 1,
    "read_selfies": 1,
    "read_formulas": 1,
}
EPOCHS = range(3)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """400 of the built-in molecules, in place of all."""
    table = PUBCHEM.load().table.slice(0, 110_000).take(list(range(0, 110_000, 275)))
    small: Rows = built_in("pubchem", table)
    monkeypatch.setattr(ShippedSource, "load", lambda source: small)
    monkeypatch.setenv("PATOIS_CACHE", "/nonexistent/never")
    return table.to_pylist()


def held_out_strings(rows: list[dict[str, Any]]) -> set[str]:
    """Return the connectivity, and every name, of the molecules on the other sides of the built-in tasks' split."""
    sides = split_by_hash([row["inchikey"].split("-")[0] for row in rows], 0.05, 0.05)
    return {
        text
        for row, side in zip(rows, sides.tolist(), strict=True)
        if side != TRAIN
        for text in [row["inchikey"].split("-")[0], row["iupac"], *row["synonyms"]]
    }


def leaks(task: dict[str, float] | str, held_out: set[str]) -> set[str]:
    """Return which held-out molecules or names the training texts of some epochs give away."""
    found: set[str] = set()
    texts = Texts({"task": task, "format": "text"})
    for epoch in EPOCHS:
        for text in texts.train(epoch):
            found |= {text} & held_out
            found |= connectivities(text) & held_out
    return found


def connectivities(text: str) -> set[str]:
    """Return the first block of the InChIKey of the molecule that a text is, as SMILES or as SELFIES."""
    readings = [text]
    if re.fullmatch(r"(\[[^\[\]]+\]\.?)+", text):
        with contextlib.suppress(selfies.DecoderError):
            readings.append(selfies.decoder(text))
    with rdBase.BlockLogs():
        molecules = [Chem.MolFromSmiles(reading) for reading in readings if reading]
        return {Chem.MolToInchiKey(molecule).split("-")[0] for molecule in molecules if molecule is not None}


def test_training_texts_hold_no_held_out_molecule(rows: list[dict[str, Any]]) -> None:
    held_out = held_out_strings(rows)
    assert len(held_out) > 100
    assert leaks(TASKS, held_out) == set()


def test_check_of_training_texts_finds_a_leak(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    task = tmp_path / "mine.yaml"  # split by its text, as a task that names no identity is
    side = "{column: smiles, notation: text}"
    task.write_text(f"source: pubchem\ninput: {side}\noutput: {side}\n")
    assert leaks(str(task), held_out_strings(rows))


def test_check_of_training_texts_covers_every_molecular_task() -> None:
    names = set(load_yaml(CONFIGS / "pretrain.yaml")["data"]["task"])
    assert names - {"read_english", "read_words"} <= set(TASKS)


def test_training_texts_differ_by_epoch_and_are_reproducible(rows: list[dict[str, Any]]) -> None:
    texts = Texts({"task": "random_smiles_to_canonical", "format": "text"})
    first, second = list(texts.train(0)), list(texts.train(1))
    assert sum(one != other for one, other in zip(first, second, strict=True)) > 0.8 * len(first)
    assert list(Texts({"task": "random_smiles_to_canonical", "format": "text"}).train(1)) == second


def test_held_out_texts_are_of_each_task_and_no_training_texts(rows: list[dict[str, Any]]) -> None:
    texts = Texts({"task": TASKS, "format": "text"})
    held_out = texts.held_out(5)
    assert list(held_out) == list(TASKS)
    assert all(len(found) == 5 for found in held_out.values())
    trained = set(texts.train(0))
    assert not trained & {
        text for name, found in held_out.items() if name != "read_formulas" for text in found
    }


def test_training_texts_join_prompt_and_completion(rows: list[dict[str, Any]]) -> None:
    text = next(Texts({"task": "smiles_to_iupac", "format": "arrow"}).train())
    smiles, _, name = text.partition(" -> ")
    assert {row["smiles"]: row["iupac"] for row in rows}[smiles] == name


def test_training_texts_file_holds_a_json_string_a_line(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("data: {task: smiles_to_iupac, format: text}\n")
    main(["--config", str(config), "--out", str(tmp_path / "texts.jsonl")])
    lines = (tmp_path / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    known = {row["smiles"] for row in rows}
    assert len(lines) > 300
    assert all(json.loads(line) in known for line in lines)
