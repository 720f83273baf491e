"""Stress test 12: on going on, a flag beats what the checkpoint stored, or a line says which one won."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import train
from cli.resume_diff import CLASSES, KEPT, OF_THE_RUN, differences, leaves, say
from tests.helpers.parsing import parse
from tests.helpers.runs import own_table

pytestmark = [pytest.mark.pitfall(21), pytest.mark.filterwarnings("ignore::UserWarning")]
RecordTries = Callable[..., None]

# What a checkpoint holds besides weights, and what of the command line it could touch.
STORED = {
    r"epoch|global_step|pytorch-lightning_version|loops/.*": "counters; how many there are to be is not stored",
    r"state_dict/.*": "weights (--model.base, --model.init)",
    r"optimizer_states/0/state/.*": "moments",
    r"optimizer_states/0/param_groups/.*": "--model.optimizer.*, test_state_yields",
    r"lr_schedulers/0/.*": "--model.scheduler.*, test_state_yields",
    r"callbacks/BestCheckpoint.*": "--trainer.callbacks.BestCheckpoint.*, test_state_yields",
    r"callbacks/Throughput/(tokens|seconds)|throughput/.*|metrics/.*|example/.*": "what was measured",
    r"vocabulary/.*": "what the weights mean: refused with another tokenizer (--model.base, --model.add_tokens)",
    r"SequenceTaskDataModule/(epoch|batches)": "where in the data it stands",
    r"SequenceTaskDataModule/contents/.*": "refused within an epoch (test_sequence_task_*)",
    r"SequenceTaskDataModule/(rows|batch_size|ranks|seed|packing|epoch_rows)": "refused within an epoch (test_sequence_task_*)",
    r"resume/(rng.*|rows|moment)": "random numbers (--seed_everything)",
}
OTHER: dict[str, Any] = {
    "trainer.accelerator": "cpu", "trainer.strategy": "ddp", "trainer.devices": 2, "trainer.precision": "64-true",
    "trainer.logger": False, "trainer.min_epochs": 1, "trainer.min_steps": 3, "trainer.max_steps": 9,
    "trainer.max_time": "00:01:00:00", "trainer.val_check_interval": 0.5, "trainer.gradient_clip_algorithm": "value",
    "trainer.enable_checkpointing": False, "trainer.deterministic": True, "trainer.benchmark": True,
    "trainer.profiler": "simple", "trainer.plugins": "lightning.pytorch.plugins.TorchSyncBatchNorm",
    "trainer.model_registry": "mine", "trainer.reload_dataloaders_every_n_epochs": 1,
    "model.base": "builtin", "model.init": "random", "model.scheduler": "torch.optim.lr_scheduler.LinearLR",
    "model.optimizer": "torch.optim.NAdam", "model.attention": "eager", "model.share_prefix": False,
    "model.generation.strategy": "beam", "model.generation.abstain_below": 0.5, "model.generation.choice_score": "mean",
    "model.generation.only_from": "input", "data.choices": "0,1", "data.digits": 3,
    "data.window_column": "smiles", "data.condition": "own", "model.average_weights": 0.9, "model.objective": "risk",
    "model.risk.reward": "valid",
    "model.peft": {"rank": 4}, "model.trainable": ["norm"], "model.add_tokens": ["<x>"],
    "data.task": "smiles_to_iupac", "data.source": "other.csv", "data.format": "alpaca", "data.header": True,
    "data.split": "random",
    "data.input_column": "name", "data.output_column": "smiles", "data.input_notation": "text",
    "data.output_notation": "selfies", "data.split_column": "side", "data.val_source": "v.csv", "data.test_source": "t.csv",
    "data.train_rows": 5, "data.epoch_rows": 5, "data.test_rows": 5, "data.phrasings": "first", "data.loss_on": "all",
    "data.ask": "all", "data.shots_by": "similar", "data.sampling": "adaptive", "data.target_task": "smiles_to_iupac",
    "data.predict_path": "p.csv", "data.predict_shard": "2/3", "data.cache_dir": "cache", "data.engine": "ray",
    "wandb.entity": "me", "wandb.group": "mine", "wandb.tags": ["one"],
}  # fmt: skip
OF_ANY_CALLBACK = {
    "monitor": "val/loss",
    "folder": "other",
    "logging_interval": "epoch",
    "mode": "min",
    "output": "a.csv",
    "tolerance": 0.5,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished run of the default configuration on a tiny base, in the working folder: its folder."""
    folder = tmp_path_factory.mktemp("flags")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "disabled")
        train.main(["fit", "--name", "mine", *own_table(folder), "--trainer.max_epochs", "1"])
        yield folder / "runs" / "mine"


def another(flag: str, value: Any) -> Any:
    """Return another valid value of a flag."""
    name = flag.rpartition(".")[2]
    if flag in OTHER:
        return OTHER[flag]
    if isinstance(value, bool) or (value is None and name in ("foreach", "fused", "enable_progress_bar")):
        return not value
    if name in OF_ANY_CALLBACK:
        return OF_ANY_CALLBACK[name]
    if isinstance(value, list):
        return [one / 2 for one in value]
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 or 0.5
    return 1 if value is None else f"{value}2"


def with_others(settings: dict[str, Any], flags: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the content of a configuration file that changes these flags, and their new values."""
    values, content = {}, json.loads(json.dumps({"trainer": {"callbacks": settings["trainer"]["callbacks"]}}))
    for flag in flags:
        value = another(flag, dict(leaves(settings))[flag])
        path = flag.split(".")
        if path[:2] == ["trainer", "callbacks"]:
            callbacks = content["trainer"]["callbacks"]
            [mine] = [one for one in callbacks if one["class_path"].endswith(f".{path[2]}")]
            if len(path) == 3:  # the callback itself: it is left out
                callbacks.remove(mine)
                value = None
            else:
                mine["init_args"][path[3]] = value
        else:
            place = content
            for name in path[:-1]:
                place = place.setdefault(name, {})
                if path[:2] == ["model", "optimizer"] and name == "optimizer":
                    place = place.setdefault("init_args", {})
            place[path[-1]] = value
        values[flag] = value
    return content, values


def together(flags: list[str]) -> list[list[str]]:
    """Share flags out so that none takes away another: classes alone, callbacks, and all that has a value."""
    classes = [flag for flag in flags if flag in CLASSES]
    callbacks = [flag for flag in flags if re.fullmatch(r"trainer\.callbacks\.\w+", flag)]
    return [
        *([flag] for flag in classes),
        callbacks,
        [flag for flag in flags if flag not in (*classes, *callbacks)],
    ]


@pytest.mark.parametrize("size", ["all", pytest.param("recorded", marks=pytest.mark.stress)])
def test_each_flag_is_in_effect_whatever_the_run_had_and_a_line_names_it(
    run: Path, record_tries: RecordTries, capsys: pytest.CaptureFixture[str], size: str
) -> None:
    with pytest.raises(SystemExit):
        train.main(["fit", "--print_config", "--model.optimizer", "AdamW"])
    printed = dict(leaves(yaml.safe_load(capsys.readouterr().out)))
    before = yaml.safe_load((run / "config.yaml").read_text())
    assert set(printed) <= set(dict(leaves(before)))
    flags = [flag for flag in printed if flag not in OF_THE_RUN and not flag.endswith(".dirpath")]
    assert len(flags) > 130
    results: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {}
    for some in together(flags):
        content, values = with_others(before, some)
        Path("other.yaml").write_text(yaml.safe_dump(content))
        words = ["fit", "--ckpt_path", str(run / "checkpoints" / "last.ckpt"), "--config", "other.yaml"]
        now = json.loads(json.dumps(parse(words).fit.as_dict(), default=str))
        results |= {
            flag: (value, dict(leaves(now)), differences(before, now)) for flag, value in values.items()
        }

    def attempt(flag: str) -> None:
        value, now, changed = results[flag]
        for name, wanted in leaves(value, flag):  # `--model.peft` is a group of flags once it is given
            assert now.get(name) == wanted
            assert name in changed
        if flag in CLASSES:
            with pytest.raises(ValueError, match=rf"the state of --{flag}"):
                say(changed)
        else:
            line = say(changed)
            assert all(f"--{name} {wanted} (was " in line for name, wanted in leaves(value, flag))
            assert flag not in KEPT or KEPT[flag] in line

    note = "what a run goes on with is the flag's, and a line names it and what was; of seed and base it says what stays"
    record_tries(
        12,
        "a flag with another value than the run had, for every flag of --print_config",
        flags,
        attempt,
        note,
    )


def test_a_refused_checkpoint_leaves_the_configuration_of_the_run(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next attempt would name no difference, and a later one take the flag of the attempt that failed."""
    said: list[str] = []
    monkeypatch.setattr("cli.save_config.rank_zero_info", said.append)
    before = (run / "config.yaml").read_bytes()
    refused = run / "checkpoints" / "refused.ckpt"
    stored = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    stored["state_dict"].popitem()
    torch.save(stored, refused)
    for _ in range(2):
        with pytest.raises(SystemExit, match=r"checkpoint's weights do not fit"):
            train.main(["fit", "--ckpt_path", str(refused), "--trainer.max_epochs", "7"])
        assert "--trainer.max_epochs 7 (was 1)" in said.pop()
        assert (run / "config.yaml").read_bytes() == before
    refused.write_bytes(refused.read_bytes()[:1000])
    with pytest.raises(SystemExit, match=r"refused.ckpt"):  # before anything is said
        train.main(["fit", "--ckpt_path", str(refused), "--trainer.max_epochs", "7"])
    assert (said, (run / "config.yaml").read_bytes()) == ([], before)
    refused.unlink()
    train.main(["fit", "--ckpt_path", str(run / "checkpoints" / "last.ckpt"), "--trainer.max_epochs", "2"])
    assert yaml.safe_load((run / "config.yaml").read_text())["trainer"]["max_epochs"] == 2
    assert not (run / "config.yaml.part").exists()


def paths(stored: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each value in a checkpoint."""
    if isinstance(stored, dict):
        for name, value in stored.items():
            yield from paths(value, f"{path}/{name}" if path else str(name))
    elif isinstance(stored, (list, tuple)):
        for number, value in enumerate(stored):
            yield from paths(value, f"{path}/{number}")
    else:
        yield path


def test_a_checkpoint_holds_nothing_else_that_a_flag_says(run: Path) -> None:
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    found = list(paths(checkpoint))
    unknown = [path for path in found if not any(re.fullmatch(known, path) for known in STORED)]
    assert unknown == []
    unused = [known for known in STORED if not any(re.fullmatch(known, path) for path in found)]
    assert unused == []
