from __future__ import annotations

import dataclasses

from cli.checks.flag_list import Flag, installed_versions, read_flags


def test_saved_list_has_the_flags_of_each_subcommand() -> None:
    listed = read_flags()
    assert list(listed.flags) == ["fit", "validate", "test", "predict", "show"]
    assert listed.flags["fit"]["data.batch_size"] == Flag(("int",))
    assert listed.flags["fit"]["data.loss_on"] == Flag((), ("completion", "answers", "all"))
    assert "ckpt_path" not in listed.flags["show"]
    assert "rows" in listed.flags["show"]
    assert "monitor" in listed.arguments["lightning.pytorch.callbacks.EarlyStopping"]


def test_list_is_current_only_with_the_versions_it_was_made_with() -> None:
    listed = read_flags()
    assert listed.is_current() == (listed.versions == installed_versions())
    assert not dataclasses.replace(listed, versions={"lightning": "1.0"}).is_current()
