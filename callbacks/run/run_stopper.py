"""Stop a run at a signal: when it is safe, with which exit status on each rank, and with a SLURM requeue."""

from __future__ import annotations

import signal
from typing import NoReturn

from lightning.fabric.plugins.environments import LightningEnvironment, SLURMEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.lightning_private import find_environment
from callbacks.loggers.terminal import say
from callbacks.run.rank_agreement import find_peers
from callbacks.run.run_facts import from_here, last_checkpoint_file
from callbacks.run.stop_signals import Stopped, StopSignals, exit_soon, requeue_slurm_job
from configs.program import spell


class RunStopper:
    """Handles the stop signals; ends this rank at once, or after the caller has saved a checkpoint."""

    def __init__(self) -> None:
        self._signals = StopSignals(self._stop_from_handler)
        self._peers: list[int] = []
        self._trainer: Trainer | None = None
        """The trainer of the run that a signal ends; a handler gets no argument but the signal."""

    @property
    def received(self) -> int:
        """The signal that this rank received, or 0."""
        return self._signals.received

    def meet(self, trainer: Trainer) -> None:
        """Find the other ranks on this machine, and handle the signals. All ranks call it together."""
        self._peers = find_peers(trainer)
        self.listen(trainer)

    def listen(self, trainer: Trainer) -> None:
        """Handle the signals from now on; this also replaces the handler that Lightning sets when a stage begins."""
        self._trainer = trainer
        signum = find_requeue_signal(trainer)
        self._signals.install(self._peers, [] if signum is None else [signum])

    def let_go(self) -> None:
        """Restore the previous signal handlers."""
        self._signals.restore()

    def wait_for_save(self) -> None:
        """From now on only record a signal: there is something to save first."""
        self._signals.immediate = False

    def stop_at_once(self) -> None:
        """From now on stop at any signal, also at one already recorded: there is nothing to save."""
        self._signals.immediate = True
        self.stop_if_told()

    def stop_if_told(self) -> None:
        """Stop at a recorded signal if there is nothing to save.

        Usually the handler has already stopped the run, unless its exception was lost, as happens in a destructor.
        """
        if self._signals.received and self._signals.immediate:
            self._stop_from_handler(self._signals.received)

    def stop(self, trainer: Trainer, signum: int) -> NoReturn:
        """Print a line, requeue a SLURM job, and end this rank. last.ckpt holds all training so far."""
        self._signals.received = signum
        code = find_exit_code(trainer, signum)
        exit_soon(code)
        if trainer.is_global_zero:
            text = describe_stop(trainer, signum)
            if signum == find_requeue_signal(trainer):
                text += f" ({requeue_slurm_job()})"
            say(text, error=True, last=True)
        raise Stopped(code)

    def _stop_from_handler(self, signum: int) -> NoReturn:
        assert self._trainer is not None, "no signal is handled before there is a trainer"
        self.stop(self._trainer, signum)


def find_requeue_signal(trainer: Trainer) -> int | None:
    """Return the signal at which to requeue this SLURM job, or None if this is no such job."""
    environment = find_environment(trainer)
    if isinstance(environment, SLURMEnvironment) and environment.auto_requeue:
        return int(environment.requeue_signal or signal.SIGUSR1)
    return None


def find_exit_code(trainer: Trainer, signum: int) -> int:
    """Return this rank's exit status: 128 + the signal's number, but 0 for a rank that rank 0's process started.

    Lightning kills rank 0's process as soon as a process that it started exits with another status than 0.
    """
    is_child = isinstance(find_environment(trainer), LightningEnvironment) and trainer.local_rank > 0
    return 0 if is_child else 128 + signum


def describe_stop(trainer: Trainer, signum: int) -> str:
    """Return the line about a run that a signal stopped, with the command that resumes a fit."""
    text, path = f"Stopped by {signal.Signals(signum).name}", last_checkpoint_file(trainer)
    if trainer.state.fn != TrainerFn.FITTING or not path.is_file():
        return text
    command = spell("fit", "--ckpt_path", from_here(path))
    return f"{text} after step {trainer.global_step}; resume with: {command}"
