from __future__ import annotations

import contextlib
import warnings

import pytest
from lightning.fabric.utilities.warnings import PossibleUserWarning

from callbacks.loggers.wandb_logger import DashboardLogger
from cli import patois_cli
from cli.screen.quiet_libraries import silence_libraries
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.causal_lm import CausalLM
from tests.helpers.parsing import ParseOnly, parse


def test_only_the_subcommand_that_runs_gets_its_flags() -> None:
    cli = ParseOnly(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=["test"])
    flags = {name: len(parser._actions) for name, parser in cli._subcommand_parsers.items()}
    assert flags["test"] > 50
    assert all(count < 10 for name, count in flags.items() if name != "test")


@pytest.mark.parametrize(
    ("words", "read"), [(("--name", "help"), False), (("--model.optimizer.help",), True)]
)
def test_the_texts_of_flags_are_read_for_help_only(
    words: tuple[str, ...], read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    settings = patois_cli.set_parsing_settings

    def note(docstring_parse_attribute_docstrings: bool) -> None:
        seen.append(docstring_parse_attribute_docstrings)
        settings(docstring_parse_attribute_docstrings=docstring_parse_attribute_docstrings)

    monkeypatch.setattr(patois_cli, "set_parsing_settings", note)
    with contextlib.suppress(SystemExit):
        parse(["test", *words])
    assert seen == [read]


@pytest.mark.parametrize(("words", "verbose"), [((), False), (("--verbose", "true"), True)])
@pytest.mark.parametrize("subcommand", ["validate", "test"])
def test_verbose_is_off_unless_asked_for(subcommand: str, words: tuple[str, ...], verbose: bool) -> None:
    assert parse([subcommand, *words])[subcommand].verbose is verbose


def test_lightnings_warning_of_resuming_within_an_epoch_is_silenced() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        silence_libraries()
        warnings.warn(
            "You're resuming from a checkpoint that ended before the epoch ended and your dataloader is not resumable.",
            PossibleUserWarning,
            stacklevel=1,
        )
        warnings.warn("something else", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in told] == ["something else"]
