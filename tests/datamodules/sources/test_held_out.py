from __future__ import annotations

from datamodules.rows.read_and_split import SplitSettings, read_parts, split_parts
from datamodules.sources import held_out
from datamodules.sources.shipped import PUBCHEM
from datamodules.splits import NAMES
from datamodules.tasks import load_task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool


def test_held_out_names_are_those_of_validation_and_test_molecules() -> None:
    task = load_task("smiles_to_iupac")
    settings = SplitSettings()
    with WorkerPool() as pool:
        [part], _ = read_parts([task], None, settings, ControlTokens(), pool)
        sides, _ = split_parts([part], settings, pool)
    synonyms = PUBCHEM.load().table["synonyms"].take(part.rows.table_rows).to_pylist()
    expected: dict[str, set[str]] = {name: set() for name in NAMES}
    for side, name, others in zip(sides.tolist(), part.rows.outputs, synonyms, strict=True):
        expected[NAMES[side]].update(text.lower() for text in [name, *others])
    expected = {side: {text for text in texts if text.count(" ") < 4} for side, texts in expected.items()}
    found = held_out.names()
    assert found == expected["val"] | expected["test"]
    assert len(found) > 30_000
    assert len(found & expected["train"]) < 0.01 * len(found)  # names that differ in case only
