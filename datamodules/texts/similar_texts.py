"""Which texts are similar: fingerprints of molecules, else the three-letter pieces of a text, compared by Tanimoto's ratio.

Legend: Q questions, K known texts, B bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from datamodules.notations.lookup import load_notation
from datamodules.storage.text_columns import TextColumn, as_strings
from datamodules.workers.worker_pool import WorkerPool

BYTES = 256
"""Bytes of a row's bits, as of a molecule's fingerprint."""
_QUERIES, _KNOWN = 512, 8_192  # a block of products takes 16 MB, a block of unpacked bits 64 MB


def write_bits(notation: str, texts: Sequence[str]) -> NDArray[np.uint8]:
    """Return each text's bits, (N, B): the fingerprint where the notation has one, else its pieces of three letters.

    A molecule that cannot be read in time is compared by its letters with nothing: all its bits are 0.
    """
    if not hasattr(load_notation(notation), "fingerprint"):
        return _write_pieces(texts)
    with WorkerPool() as pool:
        return read_fingerprints(notation, texts, pool)


def read_fingerprints(notation: str, texts: Sequence[str], pool: WorkerPool) -> NDArray[np.uint8]:
    """Return the fingerprints of texts in a notation that has them, (N, B), reading each distinct text once.

    All bits of a text that is none, or cannot be read in time, are 0.
    """
    column = TextColumn.of(texts)
    answers = pool.map(notation, "fingerprint", as_strings(column.values))
    digits = [text if text is not None else "00" * BYTES for text in answers.values.to_pylist()]
    table = np.frombuffer(bytes.fromhex("".join(digits)), dtype=np.uint8).reshape(-1, BYTES)
    return table[column.codes]


def _write_pieces(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Return a bit for each piece of three letters, by its checksum; the ends of a text count as letters."""
    bits = np.zeros((len(texts), 8 * BYTES), dtype=np.uint8)
    for row, text in enumerate(texts):
        marked = f"\x02{text}\x03"
        pieces = {marked[start : start + 3] for start in range(max(1, len(marked) - 2))}
        bits[row, [zlib.crc32(piece.encode("utf-8", "surrogatepass")) % (8 * BYTES) for piece in pieces]] = 1
    return np.packbits(bits, axis=1)


def find_most_similar(
    questions: NDArray[np.uint8], known: NDArray[np.uint8], most: int
) -> list[NDArray[np.int64]]:
    """Return for each question (Q, B) the places of the `most` most similar of `known` (K, B), the most similar first.

    Of equally similar ones the first comes first.

    Examples:
        >>> known = write_bits("text", ["abcdef", "xyz", "abcxyz"])
        >>> [places.tolist() for places in find_most_similar(write_bits("text", ["abcde"]), known, 2)]
        [[0, 2]]
    """
    found: list[NDArray[np.int64]] = []
    for _, similarity in compare_bits(questions, known):
        nearest = np.argsort(-similarity, axis=1, kind="stable")[:, : min(most, len(known))]
        found += list(nearest.astype(np.int64))
    return found


def compare_bits(
    questions: NDArray[np.uint8], known: NDArray[np.uint8]
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield some questions at a time with their similarities (q, K) to all known texts, 0 where neither has a bit.

    Products of bit matrices count the bits in common; the known ones are unpacked block by block.

    Args:
        questions: (Q, B) bits.
        known: (K, B) bits.
    """
    counts = np.unpackbits(known, axis=1).sum(axis=1, dtype=np.float32)
    for first in range(0, len(questions), _QUERIES):
        rows = slice(first, first + _QUERIES)
        asked = np.unpackbits(questions[rows], axis=1).astype(np.float32)
        similarity = np.empty((len(asked), len(known)), dtype=np.float32)
        for start in range(0, len(known), _KNOWN):
            columns = slice(start, start + _KNOWN)
            common = asked @ np.unpackbits(known[columns], axis=1).astype(np.float32).T
            union = asked.sum(axis=1)[:, None] + counts[columns] - common
            similarity[:, columns] = common / np.maximum(union, 1)
        yield rows, similarity
