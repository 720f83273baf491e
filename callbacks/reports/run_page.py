"""Write `epochs.csv` while a run goes on, and its page, `report.html`, when it ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.rank_zero import rank_zero_warn

from callbacks.loggers.terminal import say
from callbacks.reports.epoch_table import write_epochs
from callbacks.reports.page.render import write_page
from callbacks.run.run_facts import from_here, is_trial, run_folder


def say_next(commands: Sequence[str]) -> None:
    """Print the commands that a user most likely types after a stage: the last lines of a run."""
    if commands:
        say("Next:")
        for command in commands:
            say(f"  {command}", wrap=False)


def _read_next(run: Path, stage: str) -> list[str]:
    """Return the commands of a stage in a run's summary; none if it has no such part."""
    try:
        summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    commands: list[str] = summary.get(stage, {}).get("next", [])
    return commands


class RunPage(Callback):
    """Writes `report.html` into the run's folder after `fit`, `validate` and `test`, and `epochs.csv` after each epoch of a fit.

    The page shows the files of the folder and nothing else: `python -m callbacks.reports.page runs/NAME` makes it again. It
    has the numbers of summary.json, so this callback must come after `RunSummary`. A page that cannot be written is a warning.
    """

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write `epochs.csv` with the epoch before: its last metrics are logged after it has ended."""
        if trainer.is_global_zero and not is_trial(trainer) and trainer.current_epoch > 0:
            self._write_epochs(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the page on rank 0, after every other file of the run."""
        function = trainer.state.fn
        if not trainer.is_global_zero or is_trial(trainer) or function == TrainerFn.PREDICTING:
            return
        if function == TrainerFn.FITTING:
            self._write_epochs(trainer)
        try:
            path = write_page(run_folder(trainer))
        except Exception as error:  # whatever it is, the run has ended well
            self._warn(error, "report.html")
        else:
            say(f"report: {from_here(path)}", wrap=False)
        say_next(_read_next(run_folder(trainer), TrainerFn(function).value))

    def _write_epochs(self, trainer: Trainer) -> None:
        try:
            write_epochs(run_folder(trainer))
        except Exception as error:
            self._warn(error, "epochs.csv")

    @staticmethod
    def _warn(error: Exception, file: str) -> None:
        words = " ".join(str(error).split())
        rank_zero_warn(f"{file} was not written, the run is not affected: {type(error).__name__}: {words}")
