from __future__ import annotations

import json

import torch

from callbacks.run.command_record import FILE, find_versions, read_record, record_command


def test_record_keeps_the_commands_of_a_run_that_goes_on(tmp_path):
    record_command(tmp_path, "fit", "1", {"data.batch_size": (16, 8)}, "1 x cpu", False)
    record_command(tmp_path, "fit --ckpt_path last", "2", {}, "2 x cpu", True)
    record = read_record(tmp_path)
    assert [one["command"] for one in record["commands"]] == ["fit", "fit --ckpt_path last"]
    assert (record["changed"], record["device"]) == ([], "2 x cpu")
    record_command(tmp_path, "fit again", "3", {}, "1 x cpu", False)
    assert [one["command"] for one in read_record(tmp_path)["commands"]] == ["fit again"]


def test_record_has_versions_and_values_of_any_type(tmp_path):
    record_command(tmp_path / "new", "fit", "1", {"a": (None, tmp_path)}, "1 x cpu", False)
    record = json.loads((tmp_path / "new" / FILE).read_text())
    assert record["changed"] == [["a", None, str(tmp_path)]]
    assert record["versions"]["torch"] == torch.__version__ == find_versions()["torch"]
    assert read_record(tmp_path) == {}
