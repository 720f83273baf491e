from __future__ import annotations

from pathlib import Path

import pytest

from configs.lookup import list_configs
from lightning_modules.decoder.bases import resolve_base
from tests.helpers.tiny import save_tiny


def write_base(folder: Path, text: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize("name", list_configs("bases"))
def test_every_shipped_base_is_described(name: str) -> None:
    spec = resolve_base(name)
    assert spec.name == name
    assert spec.licence != "unknown"
    assert spec.note
    assert spec.is_local or (spec.revision and spec.path.count("/") == 1)
    assert (spec.gguf_file is None) is (spec.package is None)


def test_a_base_is_a_name_a_file_a_folder_or_a_hub_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny(tmp_path / "tiny")
    assert resolve_base("builtin").is_local
    assert resolve_base(folder).path == str(Path(folder).resolve())
    assert resolve_base(write_base(tmp_path, "path: tiny\nlicence: x")).path == str(Path(folder).resolve())
    assert resolve_base("EleutherAI/pythia-70m").path == "EleutherAI/pythia-70m"
    monkeypatch.chdir(tmp_path)
    assert resolve_base("tiny").is_local
    assert resolve_base("./tiny").is_local


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("opt-125", r"configs/bases has: bloom-1b1, builtin.*Did you mean 'opt-125m'"),
        ("/no/such/folder", "neither a folder that exists nor a Hub id"),
        ("none.yaml", "is not a file"),
    ],
)
def test_unknown_base_is_an_error_that_helps(base: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_base(base)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path: a/b\nrevison: main", r"unknown keys \['revison'\]; a base has \['config'"),
        ("init: random", "expected `path:` to be a folder or a Hub id, but got None"),
        ("path: a/b\ninit: maybe", "pretrained or random, but got 'maybe'"),
        ("path: a/b\nconfig: {hidden_size: 3}", "mapping with a model_type"),
        ("path: a/b\ninit: pretrained\nconfig: {model_type: llama}", "write `init: random`"),
        ("package: weights", "`package:` and `gguf_file:` together, without `path:`"),
        ("package: weights\ngguf_file: x.gguf\npath: a/b", "without `path:`"),
    ],
)
def test_bad_base_file_is_an_error_that_helps(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_base(write_base(tmp_path, text))


def test_folder_without_a_decoder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a folder with a config\.json"):
        resolve_base(str(tmp_path))
