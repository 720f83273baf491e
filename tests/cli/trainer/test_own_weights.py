from __future__ import annotations

from pathlib import Path

import pytest
import torch

import train
from cli.trainer.own_weights import find_part
from datamodules.tasks import load_task
from datamodules.texts.asking import load_parts
from lightning_modules.causal_lm import CausalLM
from lightning_modules.decoder.decoders import load_decoder
from tests.helpers.parts import BUNDLED, write_parts
from tests.helpers.runs import PAIRS, read_csv

TASKS = "smiles_to_iupac,iupac_to_smiles"


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    rows = "".join(f'{smiles},"{name}"\n' for smiles, name in PAIRS)
    (tmp_path / "pairs.csv").write_text(f"smiles,iupac\n{rows}")
    (tmp_path / "smiles.csv").write_text("smiles\nCCO\n")
    (tmp_path / "names.csv").write_text("iupac\nethanol\n")
    return write_parts(tmp_path)


def run(command: str, base: Path, *words: str) -> None:
    data = ["--data.format", "styled", "--model.generation.max_new_tokens", "12", "--name", command]
    train.main([command, "--model.base", str(base), *data, *words])


def test_part_is_found_by_the_notations_of_its_tasks(pair: Path) -> None:
    parts = load_parts(pair)
    assert find_part(load_task("iupac_to_smiles"), parts) == pair / "draws"
    assert find_part(load_task("made_to_smiles"), parts) == pair / "draws"
    assert find_part(load_task("smiles_to_iupac"), parts) is None


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_predict_asks_the_weights_of_the_task_whose_input_the_file_has(pair: Path) -> None:
    answers = {}
    for file, base in (("smiles.csv", pair), ("names.csv", pair), ("names.csv", BUNDLED)):
        run("predict", base, "--data.task", TASKS, "--data.predict_path", file, "--output", "out.csv")
        [row] = read_csv(Path("out.csv"))
        answers[file, base] = row["prediction"]
    assert answers["smiles.csv", pair] == "ethanol"
    assert answers["names.csv", pair] == answers["names.csv", BUNDLED]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("file", ["smiles.csv", "names.csv"])
def test_exported_folder_answers_the_tasks_of_its_parts(pair: Path, file: str) -> None:
    train.main(["predict", "--ckpt_path", str(pair), "--data.predict_path", file, "--output", "out.csv"])
    [row] = read_csv(Path("out.csv"))
    assert (row["prediction"] == "ethanol") == (file == "smiles.csv")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tasks_of_different_weights_are_tested_one_at_a_time(pair: Path) -> None:
    data = ["--data.source", "pairs.csv", "--data.test_fraction", "0.5"]
    with pytest.raises(SystemExit) as ending:
        run("test", pair, "--data.task", TASKS, *data)
    assert "Expected tasks that the same weights answer" in str(ending.value)
    assert str(ending.value).endswith(f"but got {TASKS}: one at a time, --data.task iupac_to_smiles.")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("task", "weights"), [("iupac_to_smiles", BUNDLED), (TASKS, None)])
def test_fit_starts_from_the_weights_of_its_tasks(
    pair: Path, task: str, weights: Path | None, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = ["--trainer.max_steps", "1", "--model.optimizer.lr", "1e-9", "--data.batch_size", "2"]
    run("fit", pair, "--data.task", task, "--data.source", "pairs.csv", "--data.val_fraction", "0.3", *steps)
    found = load_decoder("runs/fit/hf").state_dict()
    for name, value in load_decoder(str(weights or pair)).state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-6)
    assert ("together all start from one set" in capsys.readouterr().out) == (weights is None)


def test_weights_of_another_vocabulary_are_refused(pair: Path) -> None:
    module = CausalLM(str(pair))
    with pytest.raises(ValueError, match="vocabulary"):
        module.start_from(BUNDLED.parent / "builtin")
    module.start_from(pair / "draws")
    assert module.base_facts.path == str(pair / "draws")
