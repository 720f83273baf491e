from __future__ import annotations

from pathlib import Path

import pytest

from callbacks.run.checkpoint_io import DiskFull
from cli import main
from cli.exit_status import DISK_FULL


def test_the_command_line_ends_with_the_line_and_the_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(words: object) -> None:
        raise DiskFull(tmp_path / "last.ckpt", 2, 1)

    monkeypatch.setattr(main, "run", fail)
    with pytest.raises(SystemExit) as ended:
        main.main(["fit"])
    assert ended.value.code == DISK_FULL
    assert capsys.readouterr().err.count("\n") == 1
