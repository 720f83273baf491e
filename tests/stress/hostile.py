"""What the tests of hostile files share: a payload that leaves a mark if it runs, and a command line tried in-process."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli import main


class Payload:
    """Makes `mark` when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def arm(folder: Path) -> tuple[Path, str]:
    """Write the module `evil.py`, which makes a mark when it is imported; return the mark and the module's source."""
    mark = folder / "ran"
    source = (
        f"import os\nfrom lightning.pytorch import Callback\nos.makedirs({str(mark)!r}, exist_ok=True)\n\n\n"
        "class Mine(Callback):\n    pass\n"
    )
    (folder / "evil.py").write_text(source)
    return mark, source


@contextlib.contextmanager
def variables(values: dict[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


def run_line(
    words: Sequence[str],
    environment: dict[str, str] | None = None,
    run: Callable[[Sequence[str]], object] = main.run,
) -> str:
    """Run a command line in this process; return what it wrote, and the message of the error if one ended it."""
    written = io.StringIO()
    with (
        variables({"WANDB_MODE": "disabled", **(environment or {})}),
        contextlib.redirect_stderr(written),
        contextlib.redirect_stdout(written),
    ):
        try:
            run(list(words))
        except SystemExit as end:
            written.write(f"\nexit {end.code}\n")
        except Exception as error:
            written.write(f"\n{type(error).__name__}: {error}\n")
    return written.getvalue()


def check_refused(said: str, mark: Path, pattern: str) -> None:
    """Assert that no payload ran, and that what was said matches `pattern`."""
    assert not mark.exists(), "the payload ran"
    assert re.search(pattern, said), f"expected {pattern!r}, but got: {said[-800:]}"


def pickle_of(content: Any) -> bytes:
    """Return an ordinary pickle."""
    return pickle.dumps(content)
