"""A W&B logger that never stops a run: without an API key or a network it logs offline and prints a line about it."""

from __future__ import annotations

import argparse
import contextlib
import netrc
import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import DummyExperiment, rank_zero_experiment
from lightning.pytorch.utilities import rank_zero_only

from callbacks.lightning_private import (
    find_wandb_arguments,
    find_wandb_run,
    is_attached,
    is_offline,
    keep_wandb_run,
    leave_online,
)
from callbacks.loggers.secrets import hide_in_output, hide_in_words, hide_secrets
from callbacks.loggers.terminal import say

REACH_SECONDS = 5.0
"""How long to wait for a W&B host's first answer."""
INIT_SECONDS = 12.0
"""How long opening a run may take; W&B's own limit is 90 s."""
FINISH_SECONDS = 10.0
"""How long the end of a run may wait for its upload; by default, W&B waits until the host is back, even for days."""
TABLE_SECONDS = 5.0
"""How long logging a table may take: W&B sends a request to its host for each table, waits, and raises its errors."""


def has_credentials(base_url: str, api_key: str | None) -> bool:
    """Return whether W&B will find credentials for `base_url` without prompting at the terminal.

    Args:
        base_url: URL of the W&B server.
        api_key: The key in W&B's own settings, if any.
    """
    if api_key or os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    files = [os.environ["NETRC"]] if os.environ.get("NETRC") else ["~/.netrc", "~/_netrc"]
    hosts = {urlsplit(base_url).netloc, urlsplit(base_url).hostname}
    for file in files:
        try:
            entries = netrc.netrc(os.path.expanduser(file)).hosts
        except (OSError, netrc.NetrcParseError):
            continue
        if any(host in entries for host in hosts):
            return True
    return False


def is_reachable(base_url: str, seconds: float = REACH_SECONDS) -> bool:
    """Return whether an HTTP server answers at `base_url` within `seconds`, with any status.

    The environment's proxies are used. The request runs in a thread, because a dead name server can block `getaddrinfo`
    for half a minute, and no timeout applies to it.
    """
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(base_url, timeout=seconds).close()
        except urllib.error.HTTPError:
            pass  # an answer
        except (OSError, ValueError):
            return
        answered.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


@contextlib.contextmanager
def _clean_command_line() -> Iterator[None]:
    """Hide secrets in `sys.argv` while W&B records it with the run; Lightning starts other ranks with the original."""
    args = sys.argv
    sys.argv = hide_in_words(args)
    try:
        yield
    finally:
        sys.argv = args


def service_died() -> bool:
    """Return whether W&B's own writing process has ended; every W&B call then raises."""
    from wandb.sdk import wandb_setup

    connection = getattr(wandb_setup._singleton, "_connection", None)
    process = getattr(getattr(connection, "_proc", None), "_process", None)
    return process is not None and process.poll() is not None


def axis_of(name: str, higher_is_better: Mapping[str, bool | None]) -> dict[str, Any]:
    """Return the `define_metric` arguments of a metric: its x axis and its kind of summary.

    Evaluation metrics are plotted against the epoch, so that runs of different batch sizes can be compared; all others
    against the optimizer step. Interval bounds are logged but get no panel.

    Args:
        name: The logged name, such as `val/<task>/exact_match`.
        higher_is_better: Whether higher is better, by the last part of a metric's name.
    """
    stage, _, rest = name.partition("/")
    last = rest.rpartition("/")[2]
    axis: dict[str, Any] = {"step_metric": "epoch" if stage in ("val", "test") else "trainer/global_step"}
    if last.endswith(("_low", "_high")):
        return {**axis, "hidden": True}
    better = higher_is_better.get(last)
    return axis if better is None else {**axis, "summary": "max" if better else "min"}


class DashboardLogger(WandbLogger):
    """Lightning's W&B logger, safe to leave on.

    - It respects `WANDB_MODE`. Without an API key, if the host does not answer, or if W&B cannot open a run, it logs
      offline, in the same process and within 30 seconds. One line gives the reason and the command to upload later.
    - If the host disappears during a run, the end of the run takes about 10 seconds longer. If W&B's own process dies,
      the run continues offline, as a second part of the same W&B run. `wandb sync` uploads the missing data.
    - `<save_dir>/wandb_run_id` holds the run's id, so that a resumed run continues the same W&B run.
    - Evaluation metrics are plotted against the epoch; the summary keeps the best value. Logged settings hold no secrets.

    Args:
        save_dir: The run's folder, `runs/<name>`.
        project: The W&B project; default: `WANDB_PROJECT`, or else `patois`.
        name: Displayed name of the run; default: a name that W&B makes up.
        offline: Log offline without trying to connect.
        version: Id of the W&B run to resume, instead of the id in the folder.
        go_on: Resume the W&B run whose id is in the folder; otherwise start a new one.
        **kwargs: Further arguments of `wandb.init`, such as `entity`, `group` or `tags`.

    Attributes:
        higher_is_better: Whether higher is better, by the last part of a metric's name. Metrics add their own entries when
            a run begins; the model's loss has no callback to add it.
    """

    def __init__(
        self,
        save_dir: str = ".",
        project: str | None = None,
        name: str | None = None,
        offline: bool = False,
        version: str | None = None,
        go_on: bool = False,
        **kwargs: Any,
    ) -> None:
        project = project or os.environ.get("WANDB_PROJECT") or "patois"
        super().__init__(
            name=name, save_dir=save_dir, version=version, offline=offline, project=project, **kwargs
        )
        self.go_on = go_on
        self.higher_is_better: dict[str, bool | None] = {"loss": False}
        self._known_axes: set[str] = set()
        self._takes_tables = True
        self._held = False

    def hold(self) -> None:
        """Open no W&B run until `release`: Lightning asks for one before it has read the data, which may be wrong."""
        self._held = True

    def release(self, name: str | None = None) -> None:
        """Open the W&B run on its next use.

        Args:
            name: The displayed name of the run, now that the data are known; None keeps the one that was given.
        """
        self._held = False
        if name is not None:
            find_wandb_arguments(self)["name"] = name

    @property
    def id_file(self) -> Path:
        """The file that holds the run's id."""
        return Path(self.save_dir or ".") / "wandb_run_id"

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The W&B run, opened on first use; while held and on ranks other than 0 an object that ignores everything."""
        import wandb

        if self._held:
            return DummyExperiment()

        run = find_wandb_run(self)
        if run is not None and service_died():
            self._drop_dead_run(run)
            run = None
        if run is None:
            if wandb.run is not None or is_attached(self):
                return super().experiment
            run = self._open_run()
            keep_wandb_run(self, run)
            run.define_metric("epoch", hidden=True)
            run.define_metric("trainer/global_step", hidden=True)
        return run

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | argparse.Namespace) -> None:
        """Log the settings without secrets."""
        settings = vars(params) if isinstance(params, argparse.Namespace) else params
        super().log_hyperparams(hide_secrets(settings))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics; define the axis of each new one first."""
        for name in metrics:
            if name not in self._known_axes and "/" in name:
                self._known_axes.add(name)
                self.experiment.define_metric(name, **axis_of(name, self.higher_is_better))
        super().log_metrics(metrics, step)

    @rank_zero_only
    def log_table(self, key: str, *args: Any, **kwargs: Any) -> None:
        """Log a table as Lightning's logger does; after one that fails or takes too long, log no more tables.

        Metrics are not affected: they only go to W&B's own process, which keeps them while the host is unreachable.
        """
        if not self._takes_tables:
            return
        failure: list[str] = [f"no answer within {TABLE_SECONDS:.0f} s"]

        def log() -> None:
            try:
                super(DashboardLogger, self).log_table(key, *args, **kwargs)
            except Exception as error:  # no W&B error may cost the user a training run
                failure[0] = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            else:
                failure.clear()

        thread = threading.Thread(target=log, daemon=True)
        thread.start()
        thread.join(TABLE_SECONDS)
        if failure:
            self._takes_tables = False
            say(
                f"W&B did not accept the table {key} ({failure[0]}). This run logs no more tables to W&B, only metrics.",
                error=True,
            )

    def _drop_dead_run(self, run: Any) -> None:
        """Drop the run of a dead W&B process; the next use continues it offline."""
        import wandb
        from wandb.sdk.lib import module

        folder = Path(run.dir).parent
        say(
            f"W&B's process has died; logging continues offline. Upload its data with: wandb sync --no-skip-online {folder}",
            error=True,
        )
        find_wandb_arguments(self)["id"] = run.id
        keep_wandb_run(self, None)
        leave_online(self)
        self._known_axes = set()
        module.unset_globals()
        with suppress(Exception):  # teardown cannot reach the dead process, but still clears W&B's state
            wandb.teardown()

    def _open_run(self) -> Any:
        """Open the W&B run, online if possible, else offline."""
        import wandb

        Path(self.save_dir or ".").mkdir(parents=True, exist_ok=True)
        arguments = {**find_wandb_arguments(self), "id": self._run_id(), "resume": "allow"}
        arguments.pop("anonymous", None)  # Lightning always passes it, and W&B warns that it has no effect
        settings = wandb.setup().settings
        why_offline = "requested" if is_offline(self) else None
        if not is_offline(self) and (settings.mode or "online") == "online":
            if not has_credentials(settings.base_url, settings.api_key):
                why_offline = "no API key (`wandb login` stores one)"
            elif not is_reachable(settings.base_url):
                why_offline = f"{settings.base_url} did not answer within {REACH_SECONDS:.0f} s"
        arguments = hide_secrets(arguments)
        run = None
        # Silent: the lines below and the end of the run say what matters of W&B's own ten lines.
        limits = wandb.Settings(init_timeout=INIT_SECONDS, finish_timeout=FINISH_SECONDS, silent=True)
        with _clean_command_line():
            if why_offline is None:
                try:
                    run = wandb.init(**arguments, settings=limits)
                except Exception as error:  # no W&B error may cost the user a training run
                    why_offline = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            if run is None:
                run = wandb.init(**arguments, mode="offline", settings=wandb.Settings(silent=True))
        hide_in_output()  # W&B has wrapped the streams to record the output
        if why_offline is not None:
            folder = Path(run.dir).parent
            say(
                f"W&B is offline: {hide_secrets(why_offline)}. Upload later with: wandb sync {folder}",
                error=True,
            )
        if not run.disabled:
            self.id_file.write_text(f"{run.id}\n", encoding="utf-8")
        return run

    def _run_id(self) -> str | None:
        """Return the id to resume: the given one, the environment's (sweeps), or the folder's; None for a new run."""
        given = find_wandb_arguments(self).get("id") or os.environ.get("WANDB_RUN_ID")
        if given is None and self.go_on and self.id_file.is_file():
            given = self.id_file.read_text(encoding="utf-8").strip()
        return given or None
