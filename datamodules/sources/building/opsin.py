"""Ask OPSIN what many names mean: one start of Java a batch, and an answer is never asked for twice."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

logger = logging.getLogger(__name__)

JAR = "opsin-cli-2.9.0-jar-with-dependencies.jar"
BATCH = 20_000
TIMEOUT_S = 900.0


def jar_path() -> Path:
    """Return the path of the OPSIN jar in the package `py2opsin`.

    Raises:
        ValueError: If the package is missing or carries another version of OPSIN.
    """
    spec = find_spec("py2opsin")
    if spec is None or spec.origin is None:
        raise ValueError("Expected the package py2opsin, but it is not installed: run `make data`.")
    path = Path(spec.origin).parent / JAR
    if not path.is_file():
        raise ValueError(f"Expected OPSIN 2.9.0 at {path}, but it is not there: install py2opsin==1.2.0.")
    return path


def run_batch(names: list[str], jar: Path, output: str, timeout_s: float = TIMEOUT_S) -> list[str]:
    """Return what each name means, `""` where OPSIN cannot read it.

    `py2opsin.py2opsin` does the same through a fixed file name in the working folder and through the encoding of
    the terminal; standard input in ASCII depends on neither. A batch over its time is halved until the name
    that never ends is alone, and that one counts as unreadable.

    Args:
        names: ASCII names without line ends.
        jar: OPSIN.
        output: `stdinchikey` or `smi`.
        timeout_s: Seconds for the whole batch.
    """
    command = ["java", "-XX:+UseSerialGC", "-jar", str(jar), "--output", output]
    text = "".join(f"{name}\n" for name in names)
    try:
        done = subprocess.run(command, input=text.encode("ascii"), capture_output=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        if len(names) == 1:
            logger.warning("OPSIN took more than %.0f s for %r: counted as unreadable", timeout_s, names[0])
            return [""]
        middle = len(names) // 2
        shorter = max(timeout_s / 2, 10.0)
        return run_batch(names[:middle], jar, output, shorter) + run_batch(
            names[middle:], jar, output, shorter
        )
    answers = done.stdout.decode("ascii").replace("\r", "").split("\n")[:-1]
    if done.returncode != 0 or len(answers) != len(names):
        raise RuntimeError(
            f"OPSIN answered {len(answers)} lines for {len(names)} names (exit {done.returncode}): "
            f"{done.stderr.decode(errors='replace')[-500:]}"
        )
    return answers


class Opsin:
    """Meanings of names, remembered in a file of `name<TAB>meaning` lines so that a stopped build goes on."""

    def __init__(self, cache: Path, output: str) -> None:
        self.output = output
        self.jar = jar_path()
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
                answers = dict(zip(batch, run_batch(batch, self.jar, self.output), strict=True))
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
