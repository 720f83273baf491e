"""Runs of the command line in forked processes: nothing is imported twice, so that a try takes a second or two.

The ranks of a run are started as `torchrun` starts them. They tell through a pipe what they do, a line a moment:
`step 7` (7 optimizer steps are done), `validate`, `generate`.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

# ruff: noqa: F401 what runs import later is imported once, before any fork
import rapidfuzz.distance
import torch
import transformers.models.opt.modeling_opt
import wandb
import wandb.sdk.wandb_run
from rdkit import Chem

import train
from callbacks.loggers import wandb_logger
from callbacks.run import write_timing
from callbacks.run.last_checkpoint import LastCheckpoint
from cli import patois_cli
from datamodules import sequence_task
from datamodules.notations import smiles, text
from lightning_modules import causal_lm

TIMEOUT = 120.0


def group_lives(group: int) -> bool:
    """Return whether there is a process in a process group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


class ForkedRun:
    """A run of `python train.py` on `world` ranks, each a fork of this process, in a process group of its own.

    Args:
        args: Words after `train.py`.
        folder: Where it runs.
        world: How many ranks; started as `torchrun` does it, or with `slurm` as `srun` does.
        slurm: The number of a SLURM job to pretend to be.
        **environment: Further environment variables.
    """

    def __init__(
        self, args: Sequence[str], folder: Path, world: int = 1, slurm: str | None = None, **environment: str
    ) -> None:
        self._reader, writer = os.pipe()
        self.output = folder / f"output-{time.monotonic_ns()}.txt"
        self.pids, port = [], _free_port()
        for rank in range(world):
            variables = dict(environment)
            if slurm is not None:
                variables |= _srun(rank, world, port, slurm)
            elif world > 1:
                variables |= _torchrun(rank, world, port)
            pid = os.fork()
            if not pid:
                os.close(self._reader)
                _live([*args, "--trainer.devices", str(world)], folder, self.output, writer, variables)
            self.pids.append(pid)
        os.close(writer)
        self.moments: list[str] = []
        self._looked_at, self._rest = 0, b""
        self.codes: dict[int, int] = {}

    def wait_for(self, moment: str) -> bool:
        """Wait until a rank says `moment`, in lines not looked at yet; false if all ended before."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            while self._looked_at < len(self.moments):
                self._looked_at += 1
                if self.moments[self._looked_at - 1] == moment:
                    return True
            if not self._listen(0.02) and not self.living():
                return False
        raise TimeoutError(f"nobody said {moment!r} in {TIMEOUT:.0f} s; see {self.output}")

    def _listen(self, seconds: float) -> bool:
        """Take in what the ranks say within so many seconds; return whether they said anything."""
        if self._reader < 0 or not select.select([self._reader], [], [], seconds)[0]:
            return False
        piece = os.read(self._reader, 65536)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self.moments += [line.decode() for line in lines]
        return bool(piece)

    @property
    def steps(self) -> int:
        """How many optimizer steps were done, as far as the ranks have said."""
        while self._listen(0):
            pass
        said = [int(moment.split()[1]) for moment in self.moments if moment.startswith("step")]
        return max(said, default=0)

    def living(self) -> list[int]:
        """Return the ranks that have not ended."""
        for pid in self.pids:
            if pid not in self.codes:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self.codes[pid] = os.waitstatus_to_exitcode(status)
        return [rank for rank, pid in enumerate(self.pids) if pid not in self.codes]

    def kill(self, signum: int, ranks: Sequence[int] | None = None) -> None:
        """Send a signal to some ranks, by default to all, if they live."""
        for rank in self.living():
            if ranks is None or rank in ranks:
                os.kill(self.pids[rank], signum)

    def wait(self, seconds: float = TIMEOUT) -> list[int]:
        """Return the ranks' exit codes (minus the signal's number for one that was killed).

        Raises:
            TimeoutError: If some have not ended in so many seconds; they are killed.
        """
        deadline = time.monotonic() + seconds
        while self.living():
            if time.monotonic() > deadline:
                ranks = self.living()
                self.kill(signal.SIGKILL)
                raise TimeoutError(f"ranks {ranks} did not end in {seconds:.0f} s; see {self.output}")
            if not self._listen(0.01):
                time.sleep(0.01)
        while self._listen(0):
            pass
        os.close(self._reader)
        self._reader = -1
        return [self.codes[pid] for pid in self.pids]

    def all_gone(self, seconds: float) -> bool:
        """Return whether no process is left of any rank's group (its loader's workers, ...) within so many seconds."""
        deadline = time.monotonic() + seconds
        while any(map(group_lives, self.pids)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not any(map(group_lives, self.pids))

    def finish(self) -> None:
        """Wait for a run that is to end well.

        Raises:
            AssertionError: If it did not; with its last words.
        """
        codes = self.wait()
        assert not any(codes), f"exit codes {codes}: {self.output.read_text()[-3000:]}"


def _live(args: list[str], folder: Path, output: Path, writer: int, variables: dict[str, str]) -> NoReturn:
    """Be a rank until the end; never return to the caller, whose process this is a copy of."""
    code = 1
    try:
        os.setpgid(0, 0)
        handle = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for number in (1, 2):
            os.dup2(handle, number)
        os.environ.update(variables)
        os.chdir(folder)
        torch.set_num_threads(1)
        _tell_moments(writer)
        train.main(args)
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
        sys.stderr.write("" if isinstance(stop.code, int) else f"{stop.code}\n")
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell_moments(writer: int) -> None:
    """Let this process say what it does, and write last.ckpt as often as it is told to."""

    def say(moment: str) -> None:
        os.write(writer, f"{moment}\n".encode())

    def on_train_batch_end(self: LastCheckpoint, trainer: Any, *_: Any) -> None:
        say(f"step {trainer.global_step}")

    def on_validation_batch_start(self: LastCheckpoint, *_: Any) -> None:
        say("generate")

    LastCheckpoint.on_train_batch_end = on_train_batch_end  # type: ignore[assignment]
    for stage in ("validation", "test", "predict"):
        setattr(LastCheckpoint, f"on_{stage}_batch_start", on_validation_batch_start)
    write_timing.LARGEST_SHARE = 1.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _srun(rank: int, world: int, port: int, job: str) -> dict[str, str]:
    return {
        "SLURM_JOB_ID": job, "SLURM_JOB_NAME": "stress", "SLURM_NTASKS": str(world), "SLURM_NTASKS_PER_NODE": str(world),
        "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank), "SLURM_NODEID": "0", "SLURM_NNODES": "1",
        "SLURM_NODELIST": "127.0.0.1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip


def _torchrun(rank: int, world: int, port: int) -> dict[str, str]:
    return {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world),
        "GROUP_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "stress",
    }  # fmt: skip
