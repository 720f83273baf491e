"""A W&B logger that never stops a run: without key or network it writes offline and says so."""

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
from lightning.pytorch.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities import rank_zero_only
from rich.console import Console

from callbacks.lightning_private import (
    find_wandb_arguments,
    find_wandb_run,
    is_attached,
    is_offline,
    keep_wandb_run,
    leave_online,
)
from callbacks.loggers.secrets import hide_in_output, hide_in_words, hide_secrets

REACH_SECONDS = 5.0
"""How long a W&B host may take to answer at all."""
INIT_SECONDS = 12.0
"""How long it may take to open a run; W&B's own limit is 90 s."""

FINISH_SECONDS = 10.0
"""How long the end of a run may wait for its upload; by default W&B waits until the host is back, for days."""

TABLE_SECONDS = 5.0
"""How long a table may take: W&B asks its host about each one before it goes on, and raises what it answers."""


def has_credentials(base_url: str, api_key: str | None) -> bool:
    """Return whether W&B will find credentials for `base_url` without asking at the terminal.

    Args:
        base_url: The W&B server.
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
    """Return whether an HTTP server answers at `base_url`, with whatever status, within `seconds`.

    Proxies of the environment are used. The question is asked in a thread, because a dead name server can
    hold `getaddrinfo` for half a minute and no timeout reaches it.
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
    """Show W&B, which keeps the command line with the run, one without secrets; ranks are started with the true one."""
    words = sys.argv
    sys.argv = hide_in_words(words)
    try:
        yield
    finally:
        sys.argv = words


def service_died() -> bool:
    """Return whether the process that W&B writes with has ended; from then on each of W&B's calls raises."""
    from wandb.sdk import wandb_setup

    connection = getattr(wandb_setup._singleton, "_connection", None)
    process = getattr(getattr(connection, "_proc", None), "_process", None)
    return process is not None and process.poll() is not None


def axis_of(name: str, higher_is_better: Mapping[str, bool | None]) -> dict[str, Any]:
    """Return the arguments of `define_metric` for a metric: its x axis and what its summary keeps.

    Evaluations are drawn against the epoch, which compares runs of different batch sizes; the rest against
    the optimizer step. Bounds of intervals are kept but get no panel of their own.

    Args:
        name: As it is logged, such as `val/<task>/exact_match`.
        higher_is_better: Whether more is better, by the last part of a metric's name.
    """
    stage, _, rest = name.partition("/")
    last = rest.rpartition("/")[2]
    axis: dict[str, Any] = {"step_metric": "epoch" if stage in ("val", "test") else "trainer/global_step"}
    if last.endswith(("_low", "_high")):
        return {**axis, "hidden": True}
    better = higher_is_better.get(last)
    return axis if better is None else {**axis, "summary": "max" if better else "min"}


class DashboardLogger(WandbLogger):
    """Lightning's W&B logger, made safe to leave on.

    - `WANDB_MODE` is respected. Without an API key, with a host that does not answer, or when W&B cannot
      open a run, the run is written offline, in the same process and within 30 seconds, with one line that
      says why and how to upload it later.
    - A host that goes away in the middle costs the end of the run about 10 seconds; if W&B's own process dies, the run
      goes on offline, as a second part of the same W&B run. `wandb sync` sends what is missing.
    - The run's id is kept in `<save_dir>/wandb_run_id`, so that a run can go on in the same W&B run.
    - Evaluations are drawn against the epoch, and the summary keeps the best value.
    - Secrets are taken out of the logged settings.

    Args:
        save_dir: The run's folder, `runs/<name>`.
        project: The W&B project; `WANDB_PROJECT` if not given, else `patois`.
        name: Shown name of the run; W&B makes one up if not given.
        offline: Write offline without trying.
        version: Id of the W&B run to go on with, instead of the one kept in the folder.
        go_on: Go on with the W&B run whose id is kept in the folder; otherwise a new one is begun.
        **kwargs: Further arguments of `wandb.init`, such as `entity`, `group` or `tags`.

    Attributes:
        higher_is_better: Whether more is better, by the last part of a metric's name. Metrics add theirs when a run begins;
            the model's loss has no callback that could.
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

    @property
    def id_file(self) -> Path:
        """Where the run's id is kept."""
        return Path(self.save_dir or ".") / "wandb_run_id"

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The W&B run, opened at the first use; on ranks other than 0 an object that ignores everything."""
        import wandb

        run = find_wandb_run(self)
        if run is not None and service_died():
            self._let_go(run)
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
        """Log the settings without their secrets."""
        settings = vars(params) if isinstance(params, argparse.Namespace) else params
        super().log_hyperparams(hide_secrets(settings))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics; a new one is given its axis first."""
        for name in metrics:
            if name not in self._known_axes and "/" in name:
                self._known_axes.add(name)
                self.experiment.define_metric(name, **axis_of(name, self.higher_is_better))
        super().log_metrics(metrics, step)

    @rank_zero_only
    def log_table(self, key: str, *args: Any, **kwargs: Any) -> None:
        """Log a table, as Lightning's logger does; the first one that fails or takes too long is the last.

        Metrics only go to W&B's own process, which keeps them while the host is away.
        """
        if not self._takes_tables:
            return
        failure: list[str] = [f"no answer within {TABLE_SECONDS:.0f} s"]

        def log() -> None:
            try:
                super(DashboardLogger, self).log_table(key, *args, **kwargs)
            except Exception as error:  # whatever W&B trips over must not cost the user a training run
                failure[0] = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            else:
                failure.clear()

        thread = threading.Thread(target=log, daemon=True)
        thread.start()
        thread.join(TABLE_SECONDS)
        if failure:
            self._takes_tables = False
            Console(stderr=True).print(
                f"W&B did not take the table {key} ({failure[0]}); it gets no more of them from this run. Metrics go on.",
                markup=False,
                soft_wrap=True,
            )

    def _let_go(self, run: Any) -> None:
        """Forget the run of a W&B process that has died; the next use goes on with it offline."""
        import wandb
        from wandb.sdk.lib import module

        folder = Path(run.dir).parent
        Console(stderr=True).print(
            f"W&B's own process has died. What it wrote is sent by: wandb sync --no-skip-online {folder}",
            markup=False,
            soft_wrap=True,
        )
        find_wandb_arguments(self)["id"] = run.id
        keep_wandb_run(self, None)
        leave_online(self)
        self._known_axes = set()
        module.unset_globals()
        with suppress(Exception):  # it cannot say goodbye to a process that is gone, but forgets it
            wandb.teardown()

    def _open_run(self) -> Any:
        """Open the W&B run, online if that works, else offline."""
        import wandb

        Path(self.save_dir or ".").mkdir(parents=True, exist_ok=True)
        arguments = {**find_wandb_arguments(self), "id": self._run_id(), "resume": "allow"}
        arguments.pop("anonymous", None)  # Lightning passes it always; W&B warns that it has no effect
        settings = wandb.setup().settings
        why_offline = "asked for" if is_offline(self) else None
        if not is_offline(self) and (settings.mode or "online") == "online":
            if not has_credentials(settings.base_url, settings.api_key):
                why_offline = "no API key (`wandb login` stores one)"
            elif not is_reachable(settings.base_url):
                why_offline = f"{settings.base_url} did not answer within {REACH_SECONDS:.0f} s"
        arguments = hide_secrets(arguments)
        run = None
        limits = wandb.Settings(init_timeout=INIT_SECONDS, finish_timeout=FINISH_SECONDS)
        with _clean_command_line():
            if why_offline is None:
                try:
                    run = wandb.init(**arguments, settings=limits)
                except Exception as error:  # whatever W&B trips over must not cost the user a training run
                    why_offline = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            if run is None:
                # Silent: W&B's own five lines about an offline run say no more than the one below.
                run = wandb.init(**arguments, mode="offline", settings=wandb.Settings(silent=True))
        hide_in_output()  # W&B keeps what is written, too
        if why_offline is not None:
            folder = Path(run.dir).parent
            Console(stderr=True).print(
                f"W&B is offline: {hide_secrets(why_offline)}. Upload later with: wandb sync {folder}",
                markup=False,
                soft_wrap=True,
            )
        if not run.disabled:
            self.id_file.write_text(f"{run.id}\n", encoding="utf-8")
        return run

    def _run_id(self) -> str | None:
        """Return the id to go on with: given, of the environment (sweeps), or of the run that goes on; None for a new run."""
        given = find_wandb_arguments(self).get("id") or os.environ.get("WANDB_RUN_ID")
        if given is None and self.go_on and self.id_file.is_file():
            given = self.id_file.read_text(encoding="utf-8").strip()
        return given or None
