from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.speed.data.data_loading import main
from bench.speed.startup import PHASES


@pytest.mark.slow
def test_data_loading_times_a_table_up_to_the_first_training_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--rows", "200", "--case", "spellings", "--starts", "cold", "--folder", str(tmp_path)])
    [result] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (result["case"], result["start"], result["rows"], result["distinct"]) == (
        "spellings",
        "cold",
        200,
        23,
    )
    assert 180 < sum(result["used"].values()) <= 200
    assert result["batch_shape"][0] == 16
    assert result["tokens"] > 10 * result["used"]["train"]
    assert all(result[phase] > 0 for phase in PHASES)
    assert result["first_step"] == pytest.approx(sum(result[phase] for phase in PHASES))
    assert 0.1 < result["peak_gb"] < 3
    assert result["looks"] > 5


def test_data_loading_refuses_unknown_cases(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--case", "nonsense"])
    assert "invalid choice: 'nonsense'" in capsys.readouterr().err
