"""A run's config.yaml: written once it begins, and compared when it is gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import yaml
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.loggers.secrets import hide_secrets
from cli.old_class_paths import rename_in_settings
from cli.resume_diff import differences, say
from cli.run_folder import find_run
from configs.lookup import load_yaml
from datamodules.storage.atomic_write import whole_file


class SaveRunConfig(SaveConfigCallback):
    """Writes a fit's resolved configuration to the run's folder and to its loggers; other subcommands leave both alone."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Say what differs from before; a run that begins writes its `config.yaml` before anything else happens."""
        if stage == "fit" and trainer.is_global_zero:
            # What the cells told is written out, so that another table, of other columns, is read in the same notations.
            for guess in getattr(getattr(trainer, "datamodule", None), "guesses", ()):
                self.config.data[f"{guess.side}_notation"] = guess.notation
            if self.config.ckpt_path is None:
                self._keep(trainer)
                return
            run = find_run(self.config.ckpt_path)
            if run is not None and (
                line := say(differences(rename_in_settings(load_yaml(run / "config.yaml")), self._settings()))
            ):
                rank_zero_info(line)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write a run's new configuration once it does go on: a checkpoint that is refused leaves the one before."""
        if trainer.is_global_zero and self.config.ckpt_path is not None:
            self._keep(trainer)

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = hide_secrets(
            yaml.safe_load(self.parser.dump(self.config, skip_unset=False))
        )
        return settings

    def _keep(self, trainer: pl.Trainer) -> None:
        """Write `config.yaml`, whole or not at all, and give it to the loggers."""
        settings = self._settings()
        folder = Path(trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "config.yaml") as file:
            yaml.safe_dump(settings, file, sort_keys=False, allow_unicode=True)
        for logger in trainer.loggers:
            if not isinstance(logger, MetricsCSV):  # it would write a second config.yaml
                logger.log_hyperparams(settings)
