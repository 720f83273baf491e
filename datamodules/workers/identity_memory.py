"""Identities asked for in upper parts of a large table: InChI, most of the cost of molecules, runs once a molecule."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.storage.spill import TextSpill, each_text, hash_texts
from datamodules.workers.worker_pool import Answers, WorkerPool


class IdentityMemory(WorkerPool):
    """A pool that remembers the answers to `identity`; everything else it passes on.

    In memory are 16 bytes a text; texts and answers lie in files. A hash only finds the text, which is compared.

    Args:
        pool: The pool that is asked.
    """

    def __init__(self, pool: WorkerPool) -> None:
        super().__init__()
        self._pool = pool
        self._known: dict[str, tuple[NDArray[np.uint64], NDArray[np.int64], TextSpill, TextSpill]] = {}

    def close(self) -> None:
        """Forget all answers; the pool that is asked goes on."""
        for _, _, asked, answers in self._known.values():
            asked.finish()
            answers.finish()
        self._known.clear()

    def map(
        self,
        notation: str,
        function: str,
        texts: pa.LargeStringArray,
        numbers: NDArray[np.int64] | None = None,
    ) -> Answers:
        """Return the answers of the pool; of `identity`, the text itself where the call fails, as `guarded_map` does."""
        if function != "identity":
            return self._pool.map(notation, function, texts, numbers)
        if notation not in self._known:
            none = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
            self._known[notation] = *none, TextSpill(), TextSpill()
        hashes, places, asked, answers = self._known[notation]
        wanted = hash_texts(each_text(texts))
        found = np.searchsorted(hashes, wanted)
        found[found == len(hashes)] = 0
        known = hashes[found] == wanted if len(hashes) else np.zeros(len(wanted), dtype=bool)
        spots = pa.array(places[found[known]])
        own = texts.filter(pa.array(known))
        equal = pc.equal(asked.read().take(spots), own).to_numpy(zero_copy_only=False)
        known[np.flatnonzero(known)[~equal]] = False
        remembered = answers.read().take(spots.filter(pa.array(equal)))
        new = texts.filter(pa.array(~known))
        fresh = self._pool.map(notation, function, new).or_else(new)
        asked_before = len(asked)
        asked.add(new)
        answers.add(fresh)
        hashes = np.concatenate([hashes, wanted[~known]])
        places = np.concatenate([places, np.arange(asked_before, asked_before + len(new))])
        order = np.argsort(hashes, kind="stable")
        self._known[notation] = hashes[order], places[order], asked, answers
        back = np.argsort(np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)]))
        return Answers(pa.concat_arrays([remembered, fresh]).take(pa.array(back)), {})
