"""What a finished fit leaves, and what is done with it: validate, test, predict, going on."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import train
from cli.patois_cli import choose_precision
from datamodules.notations import smiles
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.decoder.decoders import load_tokenizer
from tests.helpers.runs import PAIRS, command, command_here, last_metrics, own_table, read_csv
from tests.helpers.wandb_files import read_records

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on one's own table: its folder."""
    folder = tmp_path_factory.mktemp("fitted")
    home = {f"WANDB_{name}_DIR": str(folder / "wandb_home") for name in ("DATA", "CACHE", "CONFIG")}
    result = command(
        ["fit", "--name", "mine", *own_table(folder), "--wandb.offline", "true", "--wandb.tags", "[hf_token]"],
        folder, WANDB_MODE="online", MY_TOKEN="hf_token", **home,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    (folder / "stdout.txt").write_text(result.stdout + result.stderr)
    return folder / "runs" / "mine"


def read_config(path: Path) -> dict[str, Any]:
    """Return the configuration that an offline W&B run holds so far."""
    from wandb.proto.wandb_internal_pb2 import Record

    config = {}
    for content in read_records(path):
        record = Record.FromString(content)
        for update in (*record.run.config.update, *record.config.update):
            config[update.key or update.nested_key[0]] = json.loads(update.value_json)
    return {name: value for name, value in config.items() if name != "_wandb"}


def test_run_folder_holds_the_promised_files_and_metrics(fitted: Path) -> None:
    for path in ("config.yaml", "metrics.csv", "data.json", "set_aside.csv", "summary.json", "checkpoints/best.ckpt",
                 "checkpoints/last.ckpt", "hf/model.safetensors", "hf/tokenizer.json", "hf/generation_config.json",
                 "hf/README.md", "predictions/val_epoch_0.csv", "predictions/val_epoch_1.csv"):  # fmt: skip
        assert (fitted / path).is_file(), path
    metrics = last_metrics(fitted / "metrics.csv")
    rows = json.loads((fitted / "data.json").read_text())["rows"]
    task = "smiles_to_name"
    for name in (
        "val/loss",
        "train/loss",
        f"val/{task}/exact_match",
        f"val/{task}/exact_match_low",
        f"val/{task}/validity",
    ):
        assert name in metrics
    assert len(read_csv(fitted / "predictions" / "val_epoch_1.csv")) == rows["val"]
    text = (fitted.parents[1] / "stdout.txt").read_text()
    for word in (task, "exact match", "well-formed", "rows", "tokens/s", "time", "runs/mine"):
        assert word in text
    assert text.count("Guessed from the cells: 'smiles' is smiles (23 of 23 cells)") == 1


def test_config_yaml_holds_the_resolved_configuration(fitted: Path) -> None:
    config = yaml.safe_load((fitted / "config.yaml").read_text())
    assert config["data"]["input_column"] == "smiles"
    guessed = config["data"]["input_notation"], config["data"]["output_notation"]
    assert guessed == ("smiles", "iupac"), "saved, so that other tables are read in the same way"
    assert json.loads((fitted / "data.json").read_text())["guessed_notations"] == {
        "smiles": "smiles",
        "name": "iupac",
    }
    assert config["model"]["optimizer"]["init_args"]["lr"] == 0.002
    assert config["trainer"]["precision"] == choose_precision("auto")
    assert config["name"] == "mine"


def test_wandb_run_holds_the_configuration_without_its_secrets(fitted: Path) -> None:
    [path] = fitted.glob("wandb/offline-run-*/run-*.wandb")
    deadline = time.monotonic() + 120  # W&B's process writes on for a moment
    while not (config := read_config(path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert config["data"]["format"] == "arrow"
    assert config["model"]["optimizer"]["init_args"]["lr"] == 0.002
    assert config["trainer"]["precision"] == choose_precision("auto")
    assert config["wandb"]["tags"] == ["(hidden)"]


def test_checkpoints_hold_tensors_and_plain_values_only(fitted: Path) -> None:
    checkpoint = torch.load(fitted / "checkpoints" / "best.ckpt", weights_only=True)
    assert "hyper_parameters" not in checkpoint
    assert all(name.startswith("decoder.") for name in checkpoint["state_dict"])


def test_validate_and_test_need_the_checkpoint_only(fitted: Path) -> None:
    tables = {path: path.read_bytes() for path in (fitted / "predictions").iterdir()}
    result = command_here(["validate", "--ckpt_path", "runs/mine/checkpoints/best.ckpt"], fitted.parents[1])
    assert result.returncode == 0, result.stderr[-3000:]
    best = max(
        float(row["val/exact_match"]) for row in read_csv(fitted / "metrics.csv") if row["val/exact_match"]
    )
    assert last_metrics(fitted / "validate" / "metrics.csv")["val/exact_match"] == best
    result = command_here(["test", "--ckpt_path", "runs/mine/checkpoints/best.ckpt"], fitted.parents[1])
    assert result.returncode == 0, result.stderr[-3000:]
    rows = json.loads((fitted / "data.json").read_text())["rows"]["test"]
    assert rows > 0
    metrics = last_metrics(fitted / "test" / "metrics.csv")
    assert 0 <= metrics["test/smiles_to_name/exact_match"] <= 1
    assert (fitted / "metrics.csv").is_file()
    # The tables of training are as they were; each evaluation has its own, called after the epoch of the weights.
    assert tables == {path: path.read_bytes() for path in (fitted / "predictions").iterdir()}
    epoch = torch.load(fitted / "checkpoints" / "best.ckpt", weights_only=True)["epoch"]
    assert (fitted / "validate" / "predictions" / f"val_epoch_{epoch}.csv").is_file()
    assert len(read_csv(fitted / "test" / "predictions" / f"test_epoch_{epoch}.csv")) == rows


@pytest.mark.parametrize("devices", [1, 2])
def test_predict_answers_each_line_of_a_file_in_its_order(fitted: Path, devices: int) -> None:
    folder = fitted.parents[1]
    inputs = [smiles for smiles, _ in PAIRS[:7]]
    inputs[3] = "C1CC"  # an unclosed ring: answered with the reason
    (folder / f"new{devices}.csv").write_text("name,smiles\n" + "".join(f"x,{smiles}\n" for smiles in inputs))
    run = command_here if devices == 1 else command
    result = run(
        ["predict", "--ckpt_path", "runs/mine/checkpoints/best.ckpt", "--data.predict_path", f"new{devices}.csv",
         "--trainer.devices", str(devices), "--trainer.accelerator", "cpu"],
        folder,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    rows = read_csv(fitted / "predict" / "predictions" / f"new{devices}.csv")
    assert [row["input"] for row in rows] == inputs
    assert "ring" in rows[3]["reason"]
    assert rows[3]["prediction"] == ""
    assert all(float(row["score"]) <= 0 for row in rows if not row["reason"])
    if devices == 2:
        assert rows == read_csv(fitted / "predict" / "predictions" / "new1.csv")


def test_predict_takes_a_column_of_another_name_in_the_same_notation(fitted: Path) -> None:
    folder = fitted.parents[1]
    (folder / "other.csv").write_text("id,structure\n1,OCC\n2,C1CC\n")
    checkpoint = ["--ckpt_path", "runs/mine/checkpoints/best.ckpt"]
    result = command_here(
        ["predict", *checkpoint, "--data.predict_path", "other.csv", "--data.input_column", "structure"],
        folder,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    rows = read_csv(fitted / "predict" / "predictions" / "other.csv")
    assert [row["input"] for row in rows] == ["OCC", "C1CC"]
    assert "ring" in rows[1]["reason"]


def test_predict_with_an_output_writes_nothing_into_the_run(fitted: Path) -> None:
    folder = fitted.parents[1]
    theirs = shutil.copytree(fitted, folder / "theirs", ignore=shutil.ignore_patterns("predict", "wandb"))
    (theirs / "predict").touch()  # as nothing can be made in a folder that is read-only
    (folder / "few.csv").write_text("smiles\nOCC\n")
    before = {path: path.stat().st_mtime_ns for path in [theirs, *theirs.rglob("*")]}
    words = ["predict", "--ckpt_path", "theirs", "--data.predict_path", "few.csv"]
    result = command_here([*words, "--output", "mine.csv"], folder)
    assert result.returncode == 0, result.stderr[-3000:]
    assert [row["input"] for row in read_csv(folder / "mine.csv")] == ["OCC"]
    assert {path: path.stat().st_mtime_ns for path in [theirs, *theirs.rglob("*")]} == before
    result = command_here(words, folder)
    assert (
        "predict is no folder: give --name NAME, to write to a run of your own, or --output FILE"
        in result.stderr
    )


def test_exported_folder_gives_the_same_text_in_plain_transformers(fitted: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(fitted / "hf")
    tokenizer = AutoTokenizer.from_pretrained(fitted / "hf")
    best = max(
        read_csv(fitted / "metrics.csv"),
        key=lambda row: (float(row.get("val/exact_match") or -1), int(row["epoch"] or 0)),
    )
    predictions = read_csv(fitted / "predictions" / f"val_epoch_{best['epoch']}.csv")
    for row in predictions:
        prompt = tokenizer(f"{row['input']} ->", return_tensors="pt")
        output = model.generate(**prompt)
        text = tokenizer.decode(output[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
        assert text.strip() == row["prediction"]


def test_fit_resumes_from_its_checkpoint_in_the_same_folder(fitted: Path) -> None:
    folder = fitted.parents[1]
    result = command(["fit", "--ckpt_path", "last", "--trainer.max_epochs", "3"], folder)
    assert result.returncode == 0, result.stderr[-3000:]
    assert [path.name for path in (folder / "runs").iterdir()] == ["mine"]
    steps = [int(row["step"]) for row in read_csv(fitted / "metrics.csv") if row["train/loss"]]
    assert steps == list(range(len(steps)))  # none lost, none twice
    assert (fitted / "predictions" / "val_epoch_2.csv").is_file()
    wandb_files = list(fitted.glob("wandb/offline-run-*/run-*.wandb"))
    assert len(wandb_files) > 1
    assert len({path.stem for path in wandb_files}) == 1  # the same W&B run


def test_fit_with_the_name_of_another_run_is_refused(
    fitted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fitted.parents[1])
    before = sorted(fitted.rglob("*"))
    with pytest.raises(
        SystemExit, match=r"error: runs/mine already holds a run\. Choose another --name, resume that run"
    ):
        train.main(["fit", "--name", "mine", *own_table(fitted.parents[1])])
    assert sorted(fitted.rglob("*")) == before


def test_the_rows_of_training_are_remembered_whatever_the_flags_of_the_test(fitted: Path) -> None:
    """With another split, a test says which flag differs and how many of its rows were trained on."""
    checkpoint = "runs/mine/checkpoints/last.ckpt"
    result = command_here(
        ["test", "--ckpt_path", checkpoint, "--data.split_seed", "1", "--name", "resplit"], fitted.parents[1]
    )
    assert result.returncode == 0, result.stderr[-3000:]
    said = result.stdout + result.stderr
    assert "This run was trained with other data flags: --data.split_seed 0 (now 1)." in said
    split = SequenceTaskDataModule(
        load_tokenizer("bundled"), source=str(fitted.parents[1] / "mols.csv"), input_column="smiles", output_column="name",
        val_fraction=0.3, test_fraction=0.2, cache=False,
    )  # fmt: skip
    split.setup("fit")
    trained = {identity for one in split.side_texts("train") for identity in one.identities}
    audit = json.loads((fitted.parent / "resplit" / "test" / "audit.json").read_text())
    rows = read_csv(next((fitted.parent / "resplit" / "test" / "predictions").glob("*.csv")))
    expected = sum(smiles.identity(row["input"]) in trained for row in rows)
    assert (
        audit["tasks"]["smiles_to_name"]["leaked"]
        == audit["tasks"]["smiles_to_name"]["trained"]
        == expected
        > 0
    )
    assert audit["compared_with"].startswith(f"the {len(trained)} identities that the run was trained on")
