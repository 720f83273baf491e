from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.settings.unknown_settings import MOVED, explain_unknown
from tests.helpers.parsing import parse


@pytest.mark.parametrize(
    ("flag", "text", "told"),
    [
        (
            "--config",
            "data:\n  packing: false\n  pack_sequences: false\n",
            "line 3: .* 'data.pack_sequences'. Remove the line.",
        ),
        ("--config", "data: {share_prefix: true}\n", "line 1: .* Move its value to model.share_prefix"),
        ("--config", "optimizer:\n  lr: 1\n", "line 2: .* Move its value to model.optimizer"),
        ("--data", "\npack_sequences: false\n", "line 2: .* 'data.pack_sequences'. Remove"),
        ("--model", "generation:\n  beams: 2\n", "line 2: .* 'model.generation.beams'"),
        ("--config", "nothing: 1\n", "line 1: .* 'nothing'"),
        (
            "--config",
            "trainer:\n  callbacks:\n  - class_path: callbacks.metrics.round_trip.RoundTrip\n    init_args: {old: 1}\n",
            "line 4: .* 'old'. Remove the line.",
        ),
    ],
)
def test_unknown_setting_of_a_file_is_told_with_its_line(
    flag: str, text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        parse(["fit", flag, str(file)])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {file}, line ")
    assert len(error.splitlines()) == 2
    assert re.search(told, error)


def test_unknown_setting_of_a_run_is_told_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/aged/checkpoints").mkdir(parents=True)
    (tmp_path / "runs/aged/checkpoints/last.ckpt").touch()
    (tmp_path / "runs/aged/config.yaml").write_text("data:\n  pack_sequences: false\n")
    with pytest.raises(SystemExit):
        parse(["test", "--ckpt_path", "runs/aged/checkpoints/last.ckpt"])
    assert "error: runs/aged/config.yaml, line 2: " in capsys.readouterr().err


def test_unknown_setting_of_no_file_is_told_as_it_is(tmp_path: Path) -> None:
    message = "Option 'x' is not accepted"
    assert explain_unknown(message, [tmp_path / "missing.yaml"]) == message
    assert explain_unknown("something else", []) == "something else"


def test_new_places_of_old_settings_exist() -> None:
    config = parse(["fit"]).fit
    for new in MOVED.values():
        assert new in config
