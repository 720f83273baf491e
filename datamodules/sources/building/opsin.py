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
    """Meanings of names, remembered in a file of `name<TAB>meaning[<TAB>warning]` lines so that a stopped build goes on."""

    def __init__(self, cache: Path, output: str) -> None:
        self.output = output
        jar_path()  # without it, say so now and not after half an hour
        self.cache = cache
        self.asked = 0
        self.seconds = 0.0
        self.answers: dict[str, str] = {}
        self.warnings: dict[str, str] = {}
        """OPSIN's words about names that it reads but takes for ambiguous, or whose stereo it ignores."""
        if cache.is_file():
            text = cache.read_text(encoding="ascii")
            whole = text[: text.rfind("\n") + 1]
            if whole != text:  # a build was killed while it wrote the last line
                cache.write_text(whole, encoding="ascii")
            for line in whole.splitlines():
                self._keep(*line.split("\t", 2))

    def ask(self, names: Iterable[str]) -> None:
        """Learn the meanings of all `names` that are not known yet."""
        new = [name for name in dict.fromkeys(names) if name not in self.answers]
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        with self.cache.open("a", encoding="ascii") as file:
            for start in range(0, len(new), BATCH):
                batch = new[start : start + BATCH]
                began = time.perf_counter()
                answers = [
                    (name, meaning, *([words] if meaning and words else ()))
                    for name, (meaning, words) in zip(batch, run_batch(batch, self.output), strict=True)
                ]
                self.seconds += time.perf_counter() - began
                self.asked += len(batch)
                for answer in answers:
                    self._keep(*answer)
                file.writelines("\t".join(answer) + "\n" for answer in answers)
                file.flush()
                rate = self.asked / self.seconds
                logger.info("OPSIN: %d of %d names, %.0f names/s", start + len(batch), len(new), rate)

    def _keep(self, name: str, meaning: str, warning: str = "") -> None:
        self.answers[name] = meaning
        if warning:
            self.warnings[name] = warning

    def __getitem__(self, name: str) -> str:
        """Return the meaning of a name that was asked for, `""` if it has none."""
        return self.answers[name]
