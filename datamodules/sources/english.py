"""English texts for pretraining, from packages of the system: WordNet's glosses and the GCIDE dictionary.

Columns: `text` (a paragraph with its headword before it: `benzene: a colorless liquid hydrocarbon`) and `kind` (`wordnet` or
`gcide`). The texts are read where the packages put them and never copied into the project.

A paragraph that names a molecule which the built-in tasks hold out is left out: what is pretrained on must not have read
of what it will be tested on.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from datamodules.sources import held_out
from datamodules.sources.rows import Rows, built_in

FOLDER_VARIABLE = "PATOIS_TEXTS"
WORDNET = tuple(f"usr/share/wordnet/data.{kind}" for kind in ("noun", "verb", "adj", "adv"))
GCIDE = "usr/share/dictd/gcide.dict.dz"
LEAST_CHARACTERS, MOST_CHARACTERS = 20, 400
_MARKS = re.compile(
    r"\[[^\]]*\]"  # sources and dates, [1913 Webster]; foreign letters, [a^]
    r"|\([^()]*[\"`\[=*][^()]*\)"  # pronunciations, (b[=a]th"[~e]r)
    r"|\\[^\\]*\\"
    r"|--\s*(?:[A-Z][\w.']*\s*){1,3}\.?(?=\s|$)"  # who is quoted, --Tennyson.
    r"|[{}]"
)
_SENTENCE = re.compile(r"(?<=[.;?!])\s+")
_NUMBER = re.compile(r"^(?:\d+|\([a-z]\))\.?\s+")
_WORDS = re.compile(r"[^\s,;:.!?\"()]+(?:\.\d[^\s,;:!?\"()]*)*")


def folder() -> Path:
    """Return the root that the packages' files are under: `$PATOIS_TEXTS`, else `/`."""
    return Path(os.environ.get(FOLDER_VARIABLE) or "/")


def files() -> list[Path]:
    """Return the files that are read, whether they are there or not: WordNet's, and last GCIDE's."""
    return [folder() / name for name in (*WORDNET, GCIDE)]


def load() -> Rows:
    """Return a row a text, without those that name a held-out molecule.

    Raises:
        ValueError: If the packages are not there.
    """
    *wordnet, gcide = files()
    missing = [str(path) for path in (*wordnet, gcide) if not path.is_file()]
    if missing:
        raise ValueError(
            f"The source 'english' needs the Debian packages wordnet-base and dict-gcide, but {missing[0]} is missing: run "
            "`apt-get install --no-install-recommends wordnet-base dict-gcide`, or unpack them into any folder "
            "(`apt-get download wordnet-base dict-gcide`, then `dpkg -x FILE.deb FOLDER` for both) and set "
            f"{FOLDER_VARIABLE}=FOLDER."
        )
    names = held_out.names()
    texts: dict[str, str] = {}
    for path in wordnet:
        for text in read_wordnet(path.read_text(encoding="utf-8").splitlines()):
            texts.setdefault(text, "wordnet")
    with gzip.open(gcide, "rt", encoding="utf-8", errors="replace") as file:
        for text in read_gcide(file):
            texts.setdefault(text, "gcide")
    kept = {text: kind for text, kind in texts.items() if not mentions(text, names)}
    table = pa.table(
        {"text": pa.array(kept, pa.string()), "kind": pa.array(list(kept.values()), pa.string())}
    )
    return built_in("english", table)


def mentions(text: str, names: Collection[str]) -> bool:
    """Say whether a text holds one of the names as whole words.

    Args:
        text: A paragraph.
        names: Lower-case names of up to `held_out.MOST_WORDS` words.
    """
    words = _WORDS.findall(text.lower())
    return any(
        " ".join(words[start : start + count]) in names
        for start in range(len(words))
        for count in range(1, held_out.MOST_WORDS + 1)
    )


def read_wordnet(lines: Iterable[str]) -> Iterator[str]:
    """Yield `word, word: gloss` of each line of a WordNet data file; its licence, which is indented, is left out."""
    for line in lines:
        if line.startswith(" ") or "|" not in line:
            continue
        facts, _, gloss = line.partition("|")
        fields = facts.split()
        words = [
            re.sub(r"\(\w+\)$", "", word).replace("_", " ")
            for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2]
        ]
        yield from cut(f"{', '.join(words)}: {gloss.strip()}")


def read_gcide(lines: Iterable[str]) -> Iterator[str]:
    """Yield `headword: paragraph` of each paragraph of GCIDE; an entry's first line is not indented, the others are."""
    head, paragraph = "", list[str]()
    for line in lines:
        if line.strip() and line.startswith(" "):
            paragraph.append(line.strip())
            continue
        if head and paragraph:
            body = _NUMBER.sub("", " ".join(_MARKS.sub(" ", " ".join(paragraph)).split()))
            if not set("[]\\") & set(body):  # the rest of a mark that was cut in two
                yield from cut(f"{head}: {body}")
        paragraph = []
        if line.strip():
            head = line.partition("\\")[0].strip() if "\\" in line else ""


def cut(text: str) -> Iterator[str]:
    """Yield a text in pieces of at most `MOST_CHARACTERS`, cut between sentences; what is too short or long is left out."""
    piece = ""
    for sentence in [*_SENTENCE.split(text), ""]:
        if piece and (not sentence or len(piece) + 1 + len(sentence) > MOST_CHARACTERS):
            if LEAST_CHARACTERS <= len(piece) <= MOST_CHARACTERS:
                yield piece
            piece = ""
        piece = f"{piece} {sentence}".strip()
