"""The whole program: `python train.py ...` from a table to a model that another program loads."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import train
from callbacks.reports.run_history import read_records
from callbacks.run.checkpoint_io import CheckpointWriter
from cli.patois_cli import choose_precision
from tests.runs import PAIRS, command, last_metrics, own_table, read_csv, write_pairs, write_tiny_base

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def run_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Run the command line in this process, in a folder of its own; return the folder of the runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")

    def run(*args: str) -> Path:
        train.main(args)
        return tmp_path / "runs"

    return run


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


def test_a_run_leaves_what_it_promises(fitted: Path) -> None:
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
    for word in (task, "exact match", "validity", "rows", "tokens/s", "time", "runs/mine"):
        assert word in text
    assert text.count("Read off the cells: 'smiles' is taken for smiles (23 of 23 cells") == 1


def test_the_configuration_is_written_out(fitted: Path) -> None:
    config = yaml.safe_load((fitted / "config.yaml").read_text())
    assert config["data"]["input_column"] == "smiles"
    assert (config["data"]["input_notation"], config["data"]["output_notation"]) == ("smiles", "iupac"), (
        "as the cells told"
    )
    assert config["model"]["optimizer"]["init_args"]["lr"] == 0.002
    assert config["trainer"]["precision"] == choose_precision("auto")
    assert config["name"] == "mine"


def test_the_configuration_is_in_the_wandb_run_without_its_secrets(fitted: Path) -> None:
    [path] = fitted.glob("wandb/offline-run-*/run-*.wandb")
    deadline = time.monotonic() + 20  # W&B's process writes on for a moment
    while not (config := read_config(path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert config["data"]["format"] == "arrow"
    assert config["model"]["optimizer"]["init_args"]["lr"] == 0.002
    assert config["trainer"]["precision"] == choose_precision("auto")
    assert config["wandb"]["tags"] == ["(hidden)"]


def test_checkpoints_are_written_by_our_own_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, plain = [], CheckpointWriter.save_checkpoint

    def listen(self: CheckpointWriter, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        written.append(Path(path).name)
        plain(self, checkpoint, path, storage_options)

    monkeypatch.setattr(CheckpointWriter, "save_checkpoint", listen)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    train.main(["fit", "--name", "mine", *own_table(tmp_path), "--trainer.max_epochs", "1"])
    assert set(written) == {"best.ckpt", "last.ckpt"}


def test_checkpoints_hold_tensors_and_plain_values_only(fitted: Path) -> None:
    checkpoint = torch.load(fitted / "checkpoints" / "best.ckpt", weights_only=True)
    assert "hyper_parameters" not in checkpoint
    assert all(name.startswith("decoder.") for name in checkpoint["state_dict"])


def test_testing_needs_the_checkpoint_only(fitted: Path) -> None:
    tables = {path: path.read_bytes() for path in (fitted / "predictions").iterdir()}
    result = command(["validate", "--ckpt_path", "runs/mine/checkpoints/best.ckpt"], fitted.parents[1])
    assert result.returncode == 0, result.stderr[-3000:]
    best = max(
        float(row["val/exact_match"]) for row in read_csv(fitted / "metrics.csv") if row["val/exact_match"]
    )
    assert last_metrics(fitted / "validate" / "metrics.csv")["val/exact_match"] == best
    result = command(["test", "--ckpt_path", "runs/mine/checkpoints/best.ckpt"], fitted.parents[1])
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
    result = command(
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
    result = command(
        ["predict", *checkpoint, "--data.predict_path", "other.csv", "--data.input_column", "structure"],
        folder,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    rows = read_csv(fitted / "predict" / "predictions" / "other.csv")
    assert [row["input"] for row in rows] == ["OCC", "C1CC"]
    assert "ring" in rows[1]["reason"]


def test_the_exported_folder_gives_the_same_text_in_plain_transformers(fitted: Path) -> None:
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


def test_a_fit_goes_on_from_its_checkpoint_in_the_same_folder(fitted: Path) -> None:
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


def test_a_run_that_was_stopped_before_its_first_checkpoint_begins_again_as_the_same(tmp_path: Path) -> None:
    home = {f"WANDB_{name}_DIR": str(tmp_path / "wandb_home") for name in ("DATA", "CACHE", "CONFIG")}
    args = [
        "fit",
        "--name",
        "mine",
        *own_table(tmp_path),
        "--wandb.offline",
        "true",
        "--seed_everything",
        "7",
    ]
    assert (
        command(
            [*args, "--trainer.limit_train_batches", "0"], tmp_path, WANDB_MODE="online", **home
        ).returncode
        == 0
    )
    run = tmp_path / "runs" / "mine"
    assert not list(run.glob("checkpoints/*"))
    again = [
        "fit",
        "--ckpt_path",
        "last",
        "--trainer.limit_train_batches",
        "1.0",
        "--trainer.max_epochs",
        "1",
    ]
    result = command(again, tmp_path, WANDB_MODE="online", **home)
    assert result.returncode == 0, result.stderr[-3000:]
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert yaml.safe_load((run / "config.yaml").read_text())["seed_everything"] == 7
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["mine"]
    assert len({path.stem for path in run.glob("wandb/offline-run-*/run-*.wandb")}) == 1  # the same W&B run


def test_a_second_fit_of_the_same_name_is_refused(
    fitted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fitted.parents[1])
    before = sorted(fitted.rglob("*"))
    with pytest.raises(
        SystemExit, match=r"error: runs/mine holds a run\. Choose another --name, go on with it"
    ):
        train.main(["fit", "--name", "mine", *own_table(fitted.parents[1])])
    assert sorted(fitted.rglob("*")) == before


def test_five_pairs_are_learned_by_heart(run_in: Callable[..., Path], tmp_path: Path) -> None:
    source = write_pairs(tmp_path, PAIRS[3:8])
    val = tmp_path / "same.csv"
    val.write_text(Path(source).read_text())
    runs = run_in(
        "fit", "--name", "overfit", "--config", str(Path(train.__file__).parent / "configs/debug/overfit.yaml"),
        "--model.base", write_tiny_base(tmp_path, hidden_size=64), "--data.source", source, "--data.val_source", str(val),
        "--data.test_fraction", "0", "--data.input_column", "smiles", "--data.output_column", "name",
        "--model.optimizer.lr", "0.01", "--trainer.enable_progress_bar", "false",
    )  # fmt: skip
    assert last_metrics(runs / "overfit" / "metrics.csv")["val/exact_match"] == 1.0


@pytest.mark.parametrize(
    ("task", "form", "base"),
    [
        ("smiles_to_formula", "alpaca", {}),
        ("iupac_to_smiles", "tags", {"num_hidden_layers": 1}),
        ("smiles_to_iupac,smiles_to_selfies", "chat_template", {}),
        ("dna_to_protein", "chatml", {"hidden_size": 16}),
    ],
)
def test_task_format_and_base_are_swapped_by_flags(
    run_in: Callable[..., Path], tmp_path: Path, task: str, form: str, base: dict[str, int]
) -> None:
    # The small molecules: converting all 112,450 to SELFIES takes two minutes.
    source = [] if task == "dna_to_protein" else ["--data.source", "pubchem_small"]
    runs = run_in(
        "fit", "--name", "swap", "--data.task", task, *source, "--data.format", form,
        "--model.base", write_tiny_base(tmp_path, **base),
        "--model.generation.max_new_tokens", "4", "--data.train_rows", "24", "--data.val_rows", "4", "--data.max_length", "480",
        "--data.shots", "1", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false",
    )  # fmt: skip
    metrics = last_metrics(runs / "swap" / "metrics.csv")
    for name in task.split(","):
        assert f"val/{name}/exact_match" in metrics


@pytest.mark.pitfall(13)
@pytest.mark.pitfall(2)
def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    metrics, weights = [], []
    for devices, batch_size, accumulate, eval_batch_size in ((1, 8, 1, 3), (2, 4, 1, 8), (1, 2, 4, 1)):
        name = f"d{devices}-{batch_size}"
        result = command(
            ["fit", "--name", name, *own_table(tmp_path), "--data.batch_size", str(batch_size),
             "--data.eval_batch_size", str(eval_batch_size),
             "--trainer.devices", str(devices), "--trainer.accelerator", "cpu", "--trainer.precision", "32-true",
             "--trainer.accumulate_grad_batches", str(accumulate)],
            tmp_path,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr[-3000:]
        metrics.append(last_metrics(tmp_path / "runs" / name / "metrics.csv"))
        weights.append(
            torch.load(tmp_path / "runs" / name / "checkpoints" / "last.ckpt", weights_only=True)[
                "state_dict"
            ]
        )
    compared = [name for name in metrics[0] if name.startswith("val/")]
    assert len(compared) > 10
    for name in compared:
        assert metrics[1][name] == pytest.approx(metrics[0][name], rel=1e-4, abs=1e-5), name
    for name, weight in weights[0].items():
        torch.testing.assert_close(weights[1][name], weight, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--data.format", "alpacca"], "error: No format is called 'alpacca'"),
        (
            ["--data.input_column", "smile"],
            "error: --data.input_column 'smile' is not a column of .*mols.csv",
        ),
        (["--model.base", "opt125m"], "error: No base is called 'opt125m'"),
        (["--data.source", "none.csv"], "error: .*none.csv"),
        (["--ckpt_path", "nope.ckpt"], "error: --ckpt_path 'nope.ckpt' is not a file"),
        (["--name", "../x"], "error: Expected --name to be letters"),
        (["--trainer.default_root_dir", "x"], "error: --trainer.default_root_dir: runs lie in runs/NAME"),
        (["--data.max_length", "4"], "error: Expected at least one training row"),
    ],
)
def test_a_users_mistake_is_one_line(
    run_in: Callable[..., Path], tmp_path: Path, args: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        run_in("fit", "--name", "wrong", *own_table(tmp_path), *args)


def test_a_users_mistake_leaves_no_folder(run_in: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is not a column"):
        run_in("fit", *own_table(tmp_path), "--data.input_column", "smile")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fit", "--data.fromat", "arrow"], "unrecognized arguments: --data.fromat arrow"),
        (["fit", "--model.bas", "builtin"], "unrecognized arguments: --model.bas builtin"),  # not completed
        (["fit", "--data.loss_on", "nothing"], "Expected a .*'completion', 'all'"),
        (["fti"], "invalid choice: 'fti'"),
    ],
)
def test_a_wrong_flag_is_the_error_and_where_to_look(
    run_in: Callable[..., Path], capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        run_in(*args)
    printed = capsys.readouterr().err
    assert re.search(message, printed)
    assert "--help`" in printed
    assert len(printed.splitlines()) <= 4


def test_testing_on_no_row_says_why(run_in: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"error: Expected at least one test row.*--data\.test_fraction"):
        run_in("test", *own_table(tmp_path), "--data.test_fraction", "0")


def test_show_prints_what_the_model_sees(
    run_in: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_in("show", *own_table(tmp_path), "--data.format", "question_answer", "--rows", "2")
    text = capsys.readouterr().out
    assert text.count("-- smiles_to_name, question_answer:") == 2
    assert text.count("\u27e6</s>\u27e7") == 2
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("args", [["--help"], ["fit", "--help"], ["predict", "-h"]])
def test_help_answers_at_once(tmp_path: Path, args: list[str]) -> None:
    begun = time.perf_counter()
    result = command(args, tmp_path)
    assert result.stdout.startswith("usage: python train.py")
    assert time.perf_counter() - begun < 3


def test_a_limit_of_one_batch_is_one_batch(tmp_path: Path) -> None:
    """In a process of its own: whether 1 is read as 1.0, all batches, depends on what was imported first (conftest.py)."""
    done = command(["fit", "--print_config", "--trainer.limit_train_batches", "1"], tmp_path)
    assert "\n  limit_train_batches: 1\n" in done.stdout, done.stderr
