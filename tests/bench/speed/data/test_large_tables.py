from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.speed.data.large_tables import main, make_rows


def test_tables_are_the_same_each_time_and_no_two_rows_of_text_are_equal(tmp_path: Path) -> None:
    for case in ("text", "smiles"):
        path, again = make_rows(case, 500, tmp_path / "a"), make_rows(case, 500, tmp_path / "b")
        lines = path.read_text().splitlines()
        assert path.read_bytes() == again.read_bytes()
        assert len(lines) == 501
        assert len(set(lines)) == 501 or case == "smiles"


def test_measurements_of_cold_and_warm_starts_make_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--rows", "200", "--folder", str(tmp_path)])
    cold, warm = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (cold["start"], warm["start"]) == ("cold", "warm")
    assert cold["made"] == warm["made"]
    assert cold["used"] == warm["used"]
    assert cold["peak_gb"] > 0.1
    assert cold["cpu_s"] > 0
