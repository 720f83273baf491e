"""Stopping a run at a signal: when that is safe, on which rank, with which status, and what SLURM is told."""

from __future__ import annotations

import signal
from typing import NoReturn

from lightning.fabric.plugins.environments import LightningEnvironment, SLURMEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console

from callbacks.lightning_private import find_environment
from callbacks.run.rank_agreement import find_peers
from callbacks.run.run_facts import from_here, last_checkpoint_file
from callbacks.run.stop_signals import Stopped, StopSignals, exit_soon, requeue_slurm_job


class RunStopper:
    """Listens for the signals to stop, and ends this rank at once or when somebody has saved what is to be saved."""

    def __init__(self) -> None:
        self._signals = StopSignals(self._stop_from_handler)
        self._peers: list[int] = []
        self._trainer: Trainer | None = None
        """Whose run a signal ends; a handler is given the signal and nothing else."""

    @property
    def received(self) -> int:
        """The signal that this rank got, or 0."""
        return self._signals.received

    def meet(self, trainer: Trainer) -> None:
        """Get to know the other ranks of this machine, and listen. All ranks call it together."""
        self._peers = find_peers(trainer)
        self.listen(trainer)

    def listen(self, trainer: Trainer) -> None:
        """Take the signals, also from Lightning, which sets its own handler as a stage begins."""
        self._trainer = trainer
        signum = find_requeue_signal(trainer)
        self._signals.install(self._peers, [] if signum is None else [signum])

    def let_go(self) -> None:
        """Leave the signals alone again."""
        self._signals.restore()

    def wait_for_save(self) -> None:
        """Only note a signal from now on: there is something to save first."""
        self._signals.immediate = False

    def stop_at_once(self) -> None:
        """Stop at any signal from now on, and at one that was noted: there is nothing to save."""
        self._signals.immediate = True
        self.stop_if_told()

    def stop_if_told(self) -> None:
        """Stop at a signal that was noted, if there is nothing to save.

        The handler has stopped by then, unless its exception got lost, as it does in a destructor.
        """
        if self._signals.received and self._signals.immediate:
            self._stop_from_handler(self._signals.received)

    def stop(self, trainer: Trainer, signum: int) -> NoReturn:
        """Say so, queue a SLURM job again, and end this rank. last.ckpt holds all that was trained."""
        self._signals.received = signum
        code = find_exit_code(trainer, signum)
        exit_soon(code)
        if trainer.is_global_zero:
            text = describe_stop(trainer, signum)
            if signum == find_requeue_signal(trainer):
                text += f" ({requeue_slurm_job()})"
            Console(stderr=True).print(text, markup=False, soft_wrap=True)
        raise Stopped(code)

    def _stop_from_handler(self, signum: int) -> NoReturn:
        assert self._trainer is not None, "nothing listens before there is a trainer"
        self.stop(self._trainer, signum)


def find_requeue_signal(trainer: Trainer) -> int | None:
    """Return the signal that a SLURM job is to be queued again at, if this is one."""
    environment = find_environment(trainer)
    if isinstance(environment, SLURMEnvironment) and environment.auto_requeue:
        return int(environment.requeue_signal or signal.SIGUSR1)
    return None


def find_exit_code(trainer: Trainer, signum: int) -> int:
    """Return this rank's status: 128 + the signal's number, but 0 for a rank that the run's own process started.

    Lightning kills that process as soon as one that it started ends otherwise than well.
    """
    is_child = isinstance(find_environment(trainer), LightningEnvironment) and trainer.local_rank > 0
    return 0 if is_child else 128 + signum


def describe_stop(trainer: Trainer, signum: int) -> str:
    """Return the line about a run that a signal ends, with the command that goes on with a fit."""
    text, path = f"Stopped by {signal.Signals(signum).name}", last_checkpoint_file(trainer)
    if trainer.state.fn != TrainerFn.FITTING or not path.is_file():
        return text
    command = f"python train.py fit --ckpt_path {from_here(path)}"
    return f"{text} after step {trainer.global_step}; go on with: {command}"
