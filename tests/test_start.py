"""What a mistake and a prediction load: each library costs a start some tenths of a second of processor time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from configs.lookup import PROJECT

ENGINES = {"torch", "lightning", "transformers", "torchmetrics", "wandb", "rdkit"}


def loaded_by(*words: str, folder: Path) -> set[str]:
    """Return the packages that a command line has loaded at its end, whatever its end is."""
    code = (
        "import sys\nfrom cli.main import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "sys.stdout.write('\\n' + ' '.join(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "WANDB_MODE": "disabled"}
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("predict --data.predct_path x.csv", set()),
        ("fit --trainer.max_epochs many", set()),
        ("prdict", set()),
        ("predict --data.predict_path mine.csv --model.base none", set()),
        ("predict --ckpt_path runs/none --data.predict_path mine.csv", set()),
        ("predict --data.predict_path mine.csv --data.task none", {"numpy", "pyarrow"}),
        (
            "fit --data.source mine.csv --data.input_column smile --data.output_column name",
            {"numpy", "pyarrow"},
        ),
        ("predict --data.predict_path none.csv", {"numpy", "pyarrow", "rdkit"}),  # for the task's notation
        ("ask", set()),
    ],
)
def test_a_mistake_is_told_without_the_engines(words: str, allowed: set[str], tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("smiles,name\nCCO,ethanol\n", encoding="utf-8")
    found = loaded_by(*words.split(), folder=tmp_path)
    assert found & (ENGINES | {"numpy", "pyarrow"}) <= allowed


@pytest.mark.slow
def test_a_prediction_loads_no_compiler_back_end_and_no_dashboard(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("smiles\nCCO\n", encoding="utf-8")
    words = ["predict", "--data.predict_path", "mine.csv", "--data.task", "smiles_to_iupac"]
    found = loaded_by(
        *words, "--model.base", "bundled", "--model.generation.max_new_tokens", "2", folder=tmp_path
    )
    assert "torch" in found, "it ran"
    assert not found & {"wandb", "triton", "torch._inductor.compile_fx", "rdkit.Chem.Draw"}
