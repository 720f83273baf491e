from __future__ import annotations

from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser
from torch.optim import Optimizer

from cli.checks.flag_list import Flag, read_flags
from cli.checks.write_flag_list import write_flags


def test_written_list_reads_back(tmp_path: Path) -> None:
    parser = ArgumentParser()
    parser.add_argument("--number", type=int | None)
    parser.add_argument("--choice", type=Literal["a", 2] | bool)
    parser.add_argument("--several", type=list[str])
    parser.add_argument("--path", type=str)
    parser.add_argument("--optimizer", type=Optimizer)
    write_flags({"fit": parser}, tmp_path / "flags.json")
    listed = read_flags(tmp_path / "flags.json")
    flags = listed.flags["fit"]
    assert flags["number"] == Flag(("int", "null"))
    assert set(flags["choice"].choices) == {"a", "2"}
    assert flags["choice"].types == ("bool",)
    assert flags["several"].types == ("other",)
    assert flags["path"] == Flag(("str",))
    assert "torch.optim.AdamW" in flags["optimizer"].classes
    assert "weight_decay" in listed.arguments["torch.optim.AdamW"]
    assert listed.is_current()
