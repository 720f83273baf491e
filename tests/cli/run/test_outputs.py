from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.run.outputs import keep_earlier


def say(caplog: pytest.LogCaptureFixture) -> str:
    text = caplog.text
    caplog.clear()
    return text


def settings(**changes: Any) -> dict[str, Any]:
    return {"name": "a", "ckpt_path": "last.ckpt", "data": {"split_seed": 0, **changes}}


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def test_a_test_with_other_settings_keeps_the_earlier_output(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table, claim = tmp_path / "test" / "predictions" / "test_epoch_1.csv", tmp_path / "test" / ".claim"
    keep_earlier(tmp_path, "test", settings())
    assert say(caplog) == ""
    for text in ("first", "second"):
        table.parent.mkdir(exist_ok=True)
        table.write_text(text)
        claim.touch()
        keep_earlier(tmp_path, "test", settings())
        assert "replaces what the same command wrote on 20" in say(caplog)
        assert table.read_text() == text  # until the command writes its own
    keep_earlier(tmp_path, "test", {**settings(), "ckpt_path": "best.ckpt"})
    assert f"that output is kept as {tmp_path / 'test-1'}" in say(caplog)
    assert files(tmp_path) == [
        "test-1/command.yaml", "test-1/predictions/test_epoch_1.csv", "test/.claim", "test/command.yaml",
    ]  # fmt: skip
    keep_earlier(tmp_path, "test", settings(split_seed=1))  # the last one wrote nothing
    assert say(caplog) == ""
    table.parent.mkdir()
    table.write_text("third")
    keep_earlier(tmp_path, "test", settings())
    assert "test-2" in say(caplog)


def test_output_of_an_earlier_version_is_kept(tmp_path: Path) -> None:
    (tmp_path / "validate").mkdir()
    (tmp_path / "validate" / "data.json").touch()
    keep_earlier(tmp_path, "validate", settings())
    assert files(tmp_path) == ["validate-1/data.json", "validate/command.yaml"]


def test_predictions_of_two_files_of_one_name_are_both_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers = tmp_path / "predict" / "predictions" / "new.csv"
    answers.parent.mkdir(parents=True)
    for path in ("a/new.csv", "a/other.csv", "b/new.txt", "b/new.txt"):
        keep_earlier(tmp_path, "predict", settings(predict_path=path))
        answers.with_name(f"{Path(path).stem}.csv").write_text(path)
    assert answers.read_text() == "b/new.txt"
    assert answers.with_name("new-1.csv").read_text() == "a/new.csv"
    assert answers.with_name("other.csv").read_text() == "a/other.csv"
    assert [path.name for path in sorted(tmp_path.glob("predict/*.yaml"))] == [
        "new-1.command.yaml", "new.command.yaml", "other.command.yaml",
    ]  # fmt: skip
    assert caplog.text.count("that output is kept as") == 1
    assert caplog.text.count("replaces what the same command wrote") == 1
