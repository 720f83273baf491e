"""Stress test 11: nothing in a checkpoint, in the folder of a base, in a YAML file or in a template runs."""

from __future__ import annotations

import json
import pickle
import sys
import tarfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lightning_modules.decoder.decoders import load_decoder
from tests.helpers.runs import own_table
from tests.helpers.tiny import save_tiny
from tests.stress.hostile import Payload, arm, check_refused, run_line

PARTS = (
    "callbacks",
    "hyper_parameters",
    "loops",
    "lr_schedulers",
    "optimizer_states",
    "state_dict",
    "new_part",
)


def _checkpoint(**parts: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "epoch": 0,
        "global_step": 1,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": {},
    }
    return {**whole, "loops": {}, "callbacks": {}, "optimizer_states": [], "lr_schedulers": [], **parts}


def _pickled(part: str) -> Callable[[Path, Path], None]:
    return lambda file, mark: torch.save(_checkpoint(**{part: {"x": Payload(mark)}}), file)


def _old(file: Path, mark: Path) -> None:
    torch.save(_checkpoint(new_part=Payload(mark)), file, _use_new_zipfile_serialization=False)


def _bare(file: Path, mark: Path) -> None:
    file.write_bytes(pickle.dumps(Payload(mark)))


def _tar(file: Path, mark: Path) -> None:
    inner = file.with_suffix(".pickle")
    inner.write_bytes(pickle.dumps(Payload(mark)))
    with tarfile.open(file, "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            archive.add(inner, arcname=name)


FILES: dict[str, Callable[[Path, Path], None]] = {
    **{f"a pickle in {part}": _pickled(part) for part in PARTS},
    "torch's old format": _old,
    "a bare pickle": _bare,
    "a tar archive": _tar,
    "a file cut off": lambda file, mark: file.write_bytes(b"PK\x03\x04" + bytes(100)),
}
UNSAFE_FLAG = "weights_only: false"
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "as it is": ("fit", {}),
    "test": ("test", {}),
    "Lightning's own reader": ("fit", {"trainer": {"plugins": ["TorchCheckpointIO"]}}),
    UNSAFE_FLAG: ("fit", {"weights_only": False}),
}
UNSAFE = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}


@pytest.mark.pitfall(25)
@pytest.mark.parametrize(
    "cases",
    [
        [("a pickle in callbacks", "as it is"), ("a bare pickle", "Lightning's own reader"), ("torch's old format", UNSAFE_FLAG)],
        pytest.param(list(product(FILES, SETTINGS)), marks=pytest.mark.stress),
    ],
    ids=["few", "all"],
)  # fmt: skip
def test_a_checkpoint_runs_nothing(
    record_tries, cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = [*own_table(tmp_path), "--trainer.logger", "false"]

    def attempt(case: tuple[str, str]) -> None:
        name, setting = case
        subcommand, settings = SETTINGS[setting]
        file, mark = tmp_path / "x.ckpt", tmp_path / "ran"
        FILES[name](file, mark)
        (tmp_path / "more.yaml").write_text(yaml.safe_dump(settings))
        words = [subcommand, *table, "--config", "more.yaml", "--ckpt_path", str(file), "--name", "new"]
        said = run_line(words, UNSAFE)
        check_refused(
            said,
            mark,
            r"tensors and plain values|Weights only load failed|Cannot use|weights_only|failed reading zip"
            r"|expected a checkpoint, but",
        )

    record_tries(
        11,
        "pickles in checkpoints",
        cases,
        attempt,
        "also with weights_only: false and torch told to read unsafely",
    )


@pytest.mark.parametrize(
    "instantiator", ["os.system", "evil.Mine", "lightning.pytorch.cli.instantiate_module"]
)
def test_what_hyperparameters_name_is_not_called(
    instantiator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mark, _ = arm(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names = {
        "_instantiator": instantiator,
        "_class_path": "evil.Mine",
        "base": "evil",
        "trust_remote_code": True,
    }
    parts = dict.fromkeys(("hyper_parameters", "datamodule_hyper_parameters", "hparams"), names)
    torch.save(_checkpoint(**parts, hparams_name="kwargs"), tmp_path / "x.ckpt")
    said = run_line(
        ["test", *own_table(tmp_path), "--trainer.logger", "false", "--ckpt_path", "x.ckpt", "--name", "new"]
    )
    check_refused(
        said, mark, "weights do not fit .* missing in the checkpoint"
    )  # nobody looks at them: the weights are what is missing
    assert "evil" not in sys.modules


def test_payload_of_a_hostile_checkpoint_would_run_elsewhere(tmp_path: Path) -> None:
    _old(tmp_path / "x.ckpt", tmp_path / "ran")
    torch.load(tmp_path / "x.ckpt", weights_only=False)
    assert (tmp_path / "ran").exists()


def _change(file: str, **values: Any) -> Callable[[Path, Path], None]:
    def change(folder: Path, mark: Path) -> None:
        path = folder / file
        content = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps({**content, **values}))

    return change


def _pickled_weights(name: str) -> Callable[[Path, Path], None]:
    def write(folder: Path, mark: Path) -> None:
        (folder / "model.safetensors").unlink()
        torch.save({"lm_head.weight": Payload(mark)}, folder / name)

    return write


def _adapter(folder: Path, mark: Path) -> None:
    content = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj"],
        "base_model_name_or_path": str(folder), "megatron_config": {"a": 1}, "megatron_core": "evil",
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(content))
    torch.save({"x": Payload(mark)}, folder / "adapter_model.bin")


AUTO = {
    "AutoConfig": "evil.Mine", "AutoModelForCausalLM": "evil.Mine", "AutoModel": "evil.Mine",
    "AutoTokenizer": ["evil.Mine", None],
}  # fmt: skip
FOLDERS: dict[str, Callable[[Path, Path], None]] = {
    "auto_map of an unknown model": _change("config.json", model_type="mine", auto_map=AUTO),
    "auto_map of a known model": _change("config.json", auto_map=AUTO),
    "auto_map elsewhere": _change("config.json", model_type="mine", auto_map={k: f"other/repo--{v}" for k, v in AUTO.items()}),
    "auto_map of the tokenizer": _change("tokenizer_config.json", tokenizer_class="Mine", auto_map=AUTO),
    "class of the tokenizer": _change("tokenizer_config.json", tokenizer_class="os.system"),
    "module of the tokenizer": _change("tokenizer_config.json", tokenizer_class="evil.Mine", backend="evil"),
    "custom code for generate": _change("generation_config.json", custom_generate="evil", auto_map=AUTO),
    "architectures": _change("config.json", architectures=["evil.Mine"]),
    "model type": _change("config.json", model_type="evil.Mine"),
    "no model type": _change("config.json", model_type=None, auto_map=AUTO),
    "attention": _change("config.json", attn_implementation="evil/kernel", _attn_implementation="evil/kernel"),
    "quantizer": _change("config.json", quantization_config={"quant_method": "evil", "modules_to_not_convert": ["evil"]}),
    "types": _change("config.json", hidden_size="__import__('evil')", num_hidden_layers={"a": 1}),
    "dtype": _change("config.json", dtype="evil.Mine"),
    "activation": _change("config.json", hidden_act="evil.Mine"),
    "negative size": _change("config.json", hidden_size=-1),
    "vocabulary": _change("tokenizer.json", model={"type": "evil"}),
    "a list": lambda folder, mark: (folder / "config.json").write_text("[1]"),
    "no JSON": lambda folder, mark: (folder / "config.json").write_text("!!python/object/apply:os.mkdir [ran]"),
    "no tokenizer": lambda folder, mark: (folder / "tokenizer.json").write_bytes(b"\x80\x04" + pickle.dumps(Payload(mark))),
    "pickled weights": _pickled_weights("pytorch_model.bin"),
    "pickled safetensors": _pickled_weights("model.safetensors"),
    "adapter": _adapter,
}  # fmt: skip
HARMLESS = {
    "auto_map of a known model",
    "custom code for generate",
    "architectures",
    "class of the tokenizer",
    "module of the tokenizer",
    "quantizer",
}
"""What nobody looks at: the base loads."""


@pytest.mark.pitfall(25)
@pytest.mark.parametrize(
    "cases",
    [["auto_map of the tokenizer", "pickled weights", "adapter", "types"], pytest.param(list(FOLDERS), marks=pytest.mark.stress)],
    ids=["few", "all"],
)  # fmt: skip
def test_the_folder_of_a_base_runs_nothing(
    record_tries, cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mark, source = arm(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def attempt(case: str) -> None:
        folder = tmp_path / f"base {len(list(tmp_path.iterdir()))}"
        save_tiny(folder)
        (folder / "evil.py").write_text(source)
        FOLDERS[case](folder, mark)
        try:
            load_decoder(str(folder))
        except ValueError as error:
            refusal = str(error)
        else:
            refusal = ""
        assert not mark.exists(), "the payload ran"
        assert "evil" not in sys.modules
        assert bool(refusal) == (case not in HARMLESS), refusal or "it loaded"

    record_tries(
        11,
        "crafted folders of a base",
        cases,
        attempt,
        "config.json, tokenizer, weights, adapter; each error is a ValueError",
    )


def test_attention_that_is_code_of_the_hub_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--model.attention requires .*evil/kernel.* code on the Hub"):
        load_decoder(save_tiny(tmp_path), attention="evil/kernel")


def test_only_the_user_may_trust_the_code_of_a_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mark, source = arm(tmp_path)
    save_tiny(tmp_path / "base")
    _change("config.json", model_type="mine", auto_map=AUTO)(tmp_path / "base", mark)
    (tmp_path / "base" / "evil.py").write_text(source)
    (tmp_path / "trust.yaml").write_text("model: {trust_remote_code: true}\n")
    words = ["show", "--model.base", "base", "--config", "trust.yaml"]
    check_refused(run_line(words), mark, r"set the flag yourself: --model.trust_remote_code true")
    check_refused(
        run_line([*words, "--model.trust_remote_code=false"]), mark, r"ValueError[\s\S]*trust_remote_code"
    )
    before = ["show", "--model.trust_remote_code=false", "--model.base", "base", "--config", "trust.yaml"]
    check_refused(run_line(before), mark, r"set the flag yourself")
