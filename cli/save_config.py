"""A run's config.yaml: written when the run starts, compared when it resumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.loggers.secrets import hide_secrets
from callbacks.loggers.wandb_logger import DashboardLogger
from cli.resume_diff import differences, say, say_other_data
from cli.run_folder import find_run
from cli.settings.run_settings import read_typed_settings, settle_paths
from configs.yaml_text import read_yaml, write_yaml
from datamodules.storage.atomic_write import whole_file


class SaveRunConfig(SaveConfigCallback):
    """Writes a fit's resolved configuration to the run's folder and its loggers; other subcommands change neither."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Write a new run's `config.yaml` before anything else; print the changed flags of a resumed or evaluated run."""
        if not trainer.is_global_zero:
            return
        for logger in trainer.loggers:  # the data have been read
            if isinstance(logger, DashboardLogger):
                logger.release()
        # Guessed notations are saved, so that they also hold for tables with other columns.
        for guess in getattr(getattr(trainer, "datamodule", None), "guesses", ()):
            self.config.data[f"{guess.side}_notation"] = guess.notation
        if stage == "fit" and self.config.ckpt_path is None:
            self._keep(trainer)
        elif (run := find_run(self.config.get("ckpt_path"))) is not None:
            changed = differences(read_typed_settings(run), self._settings())
            if line := say(changed) if stage == "fit" else say_other_data(changed):
                rank_zero_info(line)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write a resumed run's new configuration only now: a refused checkpoint must not change the old one."""
        if trainer.is_global_zero and self.config.ckpt_path is not None:
            self._keep(trainer)

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = hide_secrets(read_yaml(self.parser.dump(self.config, skip_unset=False)))
        return settings

    def _keep(self, trainer: pl.Trainer) -> None:
        """Write `config.yaml` atomically and log the settings."""
        settings = self._settings()
        folder = Path(trainer.default_root_dir)
        settle_paths(settings, folder)
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "config.yaml") as file:
            file.write(write_yaml(settings))
        for logger in trainer.loggers:
            if not isinstance(logger, MetricsCSV):  # it would repeat the settings in hparams.yaml
                logger.log_hyperparams(settings)
