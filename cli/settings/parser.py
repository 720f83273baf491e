"""The parser of a command line: jsonargparse's, with one reader and one writer of YAML, and text flags that take text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml
from jsonargparse import set_dumper, set_loader
from jsonargparse._common import parent_parser
from lightning.pytorch.cli import LightningArgumentParser

from cli.checks.flag_list import read_flags
from cli.checks.parser_message import shorten
from cli.class_allowlist import explain_denial
from cli.help_pages import help_command
from cli.old_class_paths import rename_class_paths
from cli.settings.text_flags import restore_text, take_text
from cli.settings.unknown_settings import explain_unknown
from cli.trainer.parts import settle_defaults
from cli.trainer.support import explain_name, read_features
from configs.program import program_name
from configs.yaml_text import read_written, read_yaml, write_yaml


def use_one_reader() -> None:
    """Make jsonargparse read and write YAML as the rest of the program does, with current class paths."""
    set_loader("yaml", lambda text: read_yaml(rename_class_paths(text)), exceptions=(yaml.YAMLError,))
    set_dumper("yaml", write_yaml)


class Parser(LightningArgumentParser):
    """A parser with text flags; it prints an error without the usage, whose 100 flags would push it off the screen.

    Args:
        args: Arguments of LightningArgumentParser.
        files: The configuration files of the command line; errors name the one that is wrong.
        kwargs: Arguments of LightningArgumentParser.
    """

    def __init__(self, *args: Any, files: Sequence[Path] = (), **kwargs: Any) -> None:
        self.files, self.folder = files, Path.cwd()
        super().__init__(*args, **kwargs)

    def add_argument(self, *args: Any, **kwargs: Any) -> Any:
        """Add an argument; jsonargparse gives the groups of arguments this method, too."""
        return take_text(super().add_argument(*args, **kwargs))

    def add_class_arguments(self, *args: Any, **kwargs: Any) -> Any:
        """Add a class's arguments with defaults that a configuration can hold."""
        added = super().add_class_arguments(*args, **kwargs)
        settle_defaults(self._actions)
        return added

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the error and the command that lists all flags; exit with status 2."""
        listed = read_flags()
        command = next((word for word in self.prog.split() if word in listed.flags), "")
        outer = parent_parser.get()  # the parser of a class's arguments knows no files
        files = self.files or getattr(outer, "files", ())
        told = shorten(
            explain_unknown(explain_denial(explain_name(message, read_features())), files), command, listed
        )
        see = help_command([command] if command else [], program_name(sys.argv[0]))
        self.exit(2, f"error: {told}\nSee `{see}`.\n")

    def _load_config_parser_mode(
        self, content: str, path: Any = "", ext_vars: Any = None, prev_cfg: Any = None
    ) -> Any:
        """Read a configuration, `--config FILE`, `--config TEXT` or a default; a text flag gets its text as it is written."""
        text = rename_class_paths(content)
        try:
            settings, written = read_yaml(text), read_written(text)
        except yaml.YAMLError as error:
            raise TypeError(f"Problems parsing config: {error}") from error
        if not isinstance(settings, dict):
            raise TypeError(f"Unexpected config: {content}")
        return self._apply_actions(restore_text(self, settings, written), prev_cfg=prev_cfg)

    def _apply_actions(
        self, cfg: Any, parent_key: str = "", prev_cfg: Any = None, skip_fn: Any = None
    ) -> Any:
        """Check settings. Those of a group's file (`--data FILE`) come here with the file's path."""
        path = cfg.get("__path__") if isinstance(cfg, dict) and parent_key else None
        if path is not None:
            written = read_written(rename_class_paths(path.read_text()))
            cfg = restore_text(self, cfg, {**written, "__path__": path}, parent_key)
        return super()._apply_actions(cfg, parent_key, prev_cfg, skip_fn)
