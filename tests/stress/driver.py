"""A process of its own that tries cases: it imports everything once, has no threads, and forks the runs from itself.

`python -m tests.stress.driver FOLDER` reads a module's name and a case a line (JSON), calls the module's
`attempt(case, FOLDER)` and answers with a line: `ok`, or the traceback as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.helpers.runs import PROJECT


class Driver:
    """Tries cases in a process of its own, in a folder. A context manager; raises AssertionError for a case that fails."""

    def __init__(self, folder: Path) -> None:
        environment = {
            **os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "WANDB_MODE": "disabled",
            "CUDA_VISIBLE_DEVICES": "", "PATOIS_CACHE": str(folder / "cache"),
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.stress.driver", str(folder)],
            cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=120)

    def attempt(self, module: str, case: Any) -> None:
        """Try a case of tests/stress/`module`.py."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([f"tests.stress.{module}", case]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer == '"ok"\n', json.loads(answer) if answer else "the driver died"


def serve(folder: Path) -> None:
    """Answer cases until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the runs print is no answer
    for line in sys.stdin:
        module, case = json.loads(line)
        try:
            importlib.import_module(module).attempt(case, folder)
            answer = "ok"
        except Exception:
            answer = traceback.format_exc()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
