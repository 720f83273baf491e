"""Stop all ranks that Lightning started on a machine within seconds when one of them dies or fails.

When another rank dies, Lightning's own observer kills rank 0 by SIGKILL without a message, and when rank 0 dies, the
others keep running. `torchrun` and SLURM watch over the ranks that they start.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from callbacks.lightning_private import replaced_process_observer

FIRST_RANK_VARIABLE = "PATOIS_FIRST_RANK"
"""Passes rank 0's process id to the ranks that Lightning starts from it."""
POLL_SECONDS = 0.5
PEER_SECONDS = 30.0
"""How long a rank whose communication broke waits until the watchdog finds the failed rank."""
FIRST_WORD_SECONDS = 5.0
"""How long a failing rank waits for rank 0 to report the error; rank 0 usually fails at the same step."""
END_SECONDS = 60.0
"""How long rank 0 waits for the other ranks at the end."""
_AGREED = (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)
"""Exit codes of a rank that ends in agreement with the others."""


def broke_communication(error: BaseException) -> bool:
    """Return whether an error only shows that another rank has ended, not why."""
    import torch.distributed

    if isinstance(error, getattr(torch.distributed, "DistError", ())):
        return True
    pattern = r"gloo|nccl|connection (closed|reset|refused)|broken pipe"
    return isinstance(error, RuntimeError) and re.search(pattern, str(error), re.IGNORECASE) is not None


def describe_end(rank: int, process: subprocess.Popen[bytes]) -> str:
    """Return one line about a rank that ended with a nonzero exit code."""
    code = process.returncode
    if code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
        how += ", perhaps because memory ran out" if how.endswith("SIGKILL") else ""
    else:
        how = f"failed with exit code {code}"
    return f"error: rank {rank} (process {process.pid}) {how}. All ranks are stopped.\n"


class _Watch:
    """One process's view of the other ranks of its run."""

    def __init__(self) -> None:
        self.others: Sequence[subprocess.Popen[bytes]] = ()
        self.done = threading.Event()

    def over_others(self, processes: Sequence[subprocess.Popen[bytes]]) -> None:
        """Watch the ranks that this process, rank 0, has started; replaces Lightning's observer."""
        self.others = processes
        threading.Thread(target=self._poll_others, name="other-ranks", daemon=True).start()

    def _poll_others(self) -> None:
        while not self.done.wait(POLL_SECONDS):
            if (line := self.failure()) is not None:
                sys.stdout.flush()
                sys.stderr.write(line)
                sys.stderr.flush()
                self.kill_others()
                os._exit(1)  # the main thread may be waiting for the dead rank

    def failure(self) -> str | None:
        """Return a line about the first other rank that has failed, or None."""
        for rank, process in enumerate(self.others, start=1):
            if process.poll() is not None and process.returncode not in _AGREED:
                return describe_end(rank, process)
        return None

    def over_first(self, first: int, rank: str) -> None:
        """End this process when rank 0, which started it, has ended."""

        def poll_first() -> None:
            while not self.done.wait(POLL_SECONDS):
                if os.getppid() != first:
                    if rank == "1":  # one line in total, not one per rank
                        sys.stderr.write(
                            f"error: rank 0 (process {first}) has died. All ranks are stopped.\n"
                        )
                        sys.stderr.flush()
                    os._exit(1)

        threading.Thread(target=poll_first, name="first-rank", daemon=True).start()

    def wait_for_others(self) -> str | None:
        """Give the other ranks time to end by themselves; return a line about a failed rank, or None."""
        self.done.set()
        deadline = time.monotonic() + END_SECONDS
        for process in self.others:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        return self.failure()

    def kill_others(self) -> None:
        """Kill all ranks that this process has started."""
        for process in self.others:
            process.kill()
        for process in self.others:
            process.wait()


@contextmanager
def end_together() -> Iterator[None]:
    """Run a subcommand in this context so that no rank started in it outlives the others.

    Rank 0 watches the other ranks, and each of them watches rank 0. A rank that finds another one dead reports it in one
    line and exits with code 1; a rank whose communication broke waits for that. Rank 0's own error is shown as usual.
    """
    watch, first = _Watch(), os.environ.get(FIRST_RANK_VARIABLE)
    if first is not None:
        watch.over_first(int(first), os.environ["LOCAL_RANK"])
    else:
        os.environ[FIRST_RANK_VARIABLE] = str(os.getpid())
    try:
        with replaced_process_observer(watch.over_others):
            yield
        if (line := watch.wait_for_others()) is not None:
            sys.exit(line.strip())
    except Exception as error:
        if broke_communication(error):
            time.sleep(PEER_SECONDS if first is not None or watch.others else 0)
        elif first is not None:
            time.sleep(FIRST_WORD_SECONDS)
        raise
    except BaseException:  # every rank gets SystemExit and KeyboardInterrupt itself
        watch.wait_for_others()
        raise
    finally:
        watch.done.set()
        watch.kill_others()
        if first is None:
            del os.environ[FIRST_RANK_VARIABLE]
