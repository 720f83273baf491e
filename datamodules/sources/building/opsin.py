"""What OPSIN says about the names of a build: an answer is never asked for twice, not even by the next build."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from datamodules.workers.opsin import jar_path, run_batch

logger = logging.getLogger(__name__)

BATCH = 20_000


class Opsin:
    """Meanings of names, remembered in a file of `name<TAB>meaning` lines so that a stopped build goes on."""

    def __init__(self, cache: Path, output: str) -> None:
        self.output = output
        jar_path()  # without it, say so now and not after half an hour
        self.cache = cache
        self.asked = 0
        self.seconds = 0.0
        self.answers: dict[str, str] = {}
        if cache.is_file():
            text = cache.read_text(encoding="ascii")
            whole = text[: text.rfind("\n") + 1]
            if whole != text:  # a build was killed while it wrote the last line
                cache.write_text(whole, encoding="ascii")
            self.answers = dict(line.split("\t", 1) for line in whole.splitlines())

    def ask(self, names: Iterable[str]) -> None:
        """Learn the meanings of all `names` that are not known yet."""
        new = [name for name in dict.fromkeys(names) if name not in self.answers]
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        with self.cache.open("a", encoding="ascii") as file:
            for start in range(0, len(new), BATCH):
                batch = new[start : start + BATCH]
                began = time.perf_counter()
                meanings = [meaning for meaning, _ in run_batch(batch, self.output)]
                answers = dict(zip(batch, meanings, strict=True))
                self.seconds += time.perf_counter() - began
                self.asked += len(batch)
                self.answers.update(answers)
                file.writelines(f"{name}\t{answer}\n" for name, answer in answers.items())
                file.flush()
                rate = self.asked / self.seconds
                logger.info("OPSIN: %d of %d names, %.0f names/s", start + len(batch), len(new), rate)

    def __getitem__(self, name: str) -> str:
        """Return the meaning of a name that was asked for, `""` if it has none."""
        return self.answers[name]
