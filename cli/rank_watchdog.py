"""The ranks that Lightning starts on a machine end together: when one dies or fails, all are gone within seconds.

Lightning's own observer ends rank 0 by SIGKILL when another rank has died, without a word of what happened, and nobody
looks after the others when rank 0 dies. Ranks that `torchrun` or SLURM start are looked after by those.
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
"""Tells the ranks that Lightning starts the process id of the one that started them."""
POLL_SECONDS = 0.5
PEER_SECONDS = 30.0
"""How long a rank whose communication broke waits for the rank that is to blame to be found."""
FIRST_WORD_SECONDS = 5.0
"""How long a failing rank leaves it to rank 0 to say so, which as a rule fails at the same step."""
END_SECONDS = 60.0
"""How long rank 0 waits at the end for the others."""
_AGREED = (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)
"""Exit codes of a rank that ends as the others do."""


def broke_communication(error: BaseException) -> bool:
    """Return whether an error says that another rank has gone, and nothing of why."""
    import torch.distributed

    if isinstance(error, getattr(torch.distributed, "DistError", ())):
        return True
    pattern = r"gloo|nccl|connection (closed|reset|refused)|broken pipe"
    return isinstance(error, RuntimeError) and re.search(pattern, str(error), re.IGNORECASE) is not None


def describe_end(rank: int, process: subprocess.Popen[bytes]) -> str:
    """Return one line about a rank that has ended with an exit code other than 0."""
    code = process.returncode
    if code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
        how += ", perhaps for want of memory" if code == -signal.SIGKILL else ""
    else:
        how = f"failed with exit code {code}"
    return f"error: rank {rank} (process {process.pid}) {how}. All ranks are stopped.\n"


class _Watch:
    """What one process knows of the others of its run."""

    def __init__(self) -> None:
        self.others: Sequence[subprocess.Popen[bytes]] = ()
        self.done = threading.Event()

    def over_others(self, processes: Sequence[subprocess.Popen[bytes]]) -> None:
        """Watch over the ranks that this process, rank 0, has started; stands in for Lightning's observer."""
        self.others = processes
        threading.Thread(target=self._look_at_others, name="other-ranks", daemon=True).start()

    def _look_at_others(self) -> None:
        while not self.done.wait(POLL_SECONDS):
            if (line := self.failure()) is not None:
                sys.stdout.flush()
                sys.stderr.write(line)
                sys.stderr.flush()
                self.kill_others()
                os._exit(1)  # the main thread may wait for a rank that is no more

    def failure(self) -> str | None:
        """Return a line about the first of the other ranks that has failed."""
        for rank, process in enumerate(self.others, start=1):
            if process.poll() is not None and process.returncode not in _AGREED:
                return describe_end(rank, process)
        return None

    def over_first(self, first: int, rank: str) -> None:
        """End this process when rank 0, which started it, is gone."""

        def look() -> None:
            while not self.done.wait(POLL_SECONDS):
                if os.getppid() != first:
                    if rank == "1":  # one line, not one of each rank
                        sys.stderr.write(f"error: rank 0 (process {first}) is gone. All ranks are stopped.\n")
                        sys.stderr.flush()
                    os._exit(1)

        threading.Thread(target=look, name="first-rank", daemon=True).start()

    def wait_for_others(self) -> str | None:
        """Give the other ranks time to end by themselves; return a line about one that failed."""
        self.done.set()
        deadline = time.monotonic() + END_SECONDS
        for process in self.others:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        return self.failure()

    def kill_others(self) -> None:
        """Leave none of the ranks that this process has started."""
        for process in self.others:
            process.kill()
        for process in self.others:
            process.wait()


@contextmanager
def end_together() -> Iterator[None]:
    """Run a subcommand in it: whatever happens to one of the ranks started here, none outlives it.

    Rank 0 watches over the others and they over it. Whoever finds that another has gone says so in one line and ends its
    process with exit code 1; a rank whose communication broke waits for that. Rank 0's own error is shown as ever.
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
    except BaseException:  # SystemExit and KeyboardInterrupt reach every rank
        watch.wait_for_others()
        raise
    finally:
        watch.done.set()
        watch.kill_others()
        if first is None:
            del os.environ[FIRST_RANK_VARIABLE]
