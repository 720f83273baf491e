from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch

from cli.checks.checkpoint_path import check_checkpoint, check_keyword, find_checkpoint, take_folder


def make_run(folder: Path, *names: str) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    for name in names:
        torch.save({"state_dict": {"x": torch.zeros(3)}}, folder / "checkpoints" / name)
    return folder


def test_folder_of_a_run_means_last_to_train_on_and_best_for_anything_else(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "last.ckpt", "best.ckpt")
    for given in (run, run / "checkpoints"):
        assert find_checkpoint(str(given), fits=True) == str(run / "checkpoints" / "last.ckpt")
        assert find_checkpoint(str(given), fits=False) == str(run / "checkpoints" / "best.ckpt")
    other = make_run(tmp_path / "other", "last.ckpt")
    assert find_checkpoint(str(other), fits=False) == str(other / "checkpoints" / "last.ckpt")


def test_file_and_keyword_stay_as_they_are(tmp_path: Path) -> None:
    assert find_checkpoint("last", fits=True) == "last"
    assert find_checkpoint("nowhere.ckpt", fits=True) == "nowhere.ckpt"
    assert take_folder(["fit", "--name", "x"]) == ["fit", "--name", "x"]


def test_take_folder_puts_the_file_in_place_of_the_folder(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "best.ckpt")
    assert take_folder(["test", f"--ckpt_path={run}", "--name", "x"]) == [
        "test", "--name", "x", "--ckpt_path", str(run / "checkpoints" / "best.ckpt"),
    ]  # fmt: skip


def test_folder_without_a_checkpoint_is_told_with_what_it_holds(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "epoch=3.ckpt")
    with pytest.raises(
        ValueError, match=r"neither best\.ckpt nor last\.ckpt\. Name one of its files: .*epoch=3\.ckpt\."
    ):
        find_checkpoint(str(run), fits=False)


def test_whole_checkpoint_is_taken(tmp_path: Path) -> None:
    check_checkpoint(str(make_run(tmp_path / "run", "last.ckpt") / "checkpoints" / "last.ckpt"))
    check_checkpoint("last")
    check_checkpoint(None)
    torch.save({"x": 1}, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    check_checkpoint(str(tmp_path / "old.ckpt"))


def test_what_is_no_checkpoint_is_told(tmp_path: Path) -> None:
    whole = make_run(tmp_path / "run", "last.ckpt") / "checkpoints" / "last.ckpt"
    for name, content, message in (
        ("cut.ckpt", whole.read_bytes()[:-100], "it was cut off"),
        ("text.ckpt", b"hello", "it is another kind of file"),
        ("empty.ckpt", b"", "it is empty"),
        ("holes.ckpt", whole.read_bytes().replace(b"state_dict", b"etats_tcid"), "it is damaged"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            check_checkpoint(str(tmp_path / name))
    torch.save({"x": torch.zeros(3)}, tmp_path / "weights.ckpt")
    with pytest.raises(ValueError, match="it holds no weights of a run"):
        check_checkpoint(str(tmp_path / "weights.ckpt"))
    with zipfile.ZipFile(tmp_path / "zip.ckpt", "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(ValueError, match="another kind of file"):
        check_checkpoint(str(tmp_path / "zip.ckpt"))
    with pytest.raises(ValueError, match=r"is not a file and .* Did you mean '.*text\.ckpt'\?"):
        check_checkpoint(str(tmp_path / "txt.ckpt"))


def test_keyword_needs_a_run(tmp_path: Path) -> None:
    for name in (None, "other"):
        with pytest.raises(ValueError, match=r"--ckpt_path last: there is no run.* in .* to go on with"):
            check_keyword("last", name, tmp_path)
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / "config.yaml").touch()
    check_keyword("last", None, tmp_path)
    check_keyword("a.ckpt", "nobody", tmp_path)
