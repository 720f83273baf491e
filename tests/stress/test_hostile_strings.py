"""Stress test 7: whatever a model writes is judged in time, kills nothing, and is not valid where nobody could call it so."""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest

from callbacks.rows.notation_calls import NotationCalls
from datamodules.storage.text_columns import as_strings
from datamodules.workers.guarded_worker import GuardedWorker, Result
from datamodules.workers.worker_pool import WorkerPool
from tests.stress.strings import Text, corpus, fuzzed

TARGETS = {"smiles": "CC(=O)Oc1ccccc1C(=O)O", "selfies": "[C][C][O]", "iupac": "2-acetyloxybenzoic acid"}
QUESTIONS = {
    "smiles": ("invalid_reason", "same", "similarity"),
    "selfies": ("invalid_reason", "same", "similarity"),
    "iupac": ("invalid_reason", "same"),
}


class Judged(NamedTuple):
    """What came of one question about a string."""

    text: Text
    function: str
    result: Result
    seconds: float


def judge(texts: list[Text]) -> list[Judged]:
    """Ask all questions about each string, one at a time, and keep the wall time; a new child is warmed up first."""
    answers = []
    with GuardedWorker() as worker:
        for text in texts:
            for function in QUESTIONS[text.notation]:
                if worker._process is None:
                    worker.map("smiles", "similarity", [("C", "CC")])
                    worker.map("selfies", "similarity", [("[C]", "[O]")])
                arguments = (
                    (text.text,) if function == "invalid_reason" else (text.text, TARGETS[text.notation])
                )
                begun = time.perf_counter()
                [result] = worker.map(text.notation, function, [arguments])
                answers.append(Judged(text, function, result, time.perf_counter() - begun))
    return answers


def check(judged: Judged, seconds: float) -> None:
    """Assert that a string was judged in time, killed no child, and is not valid where it must not be."""
    assert judged.seconds < seconds, judged
    assert judged.result.error in (None, "timeout"), judged
    if judged.function == "invalid_reason" and judged.text.valid is not None:
        assert (judged.result == Result(None, None)) == judged.text.valid, judged


@pytest.mark.pitfall(14)
@pytest.mark.pitfall(16)
@pytest.mark.parametrize(
    ("molecules", "names", "slowest_s", "p99_s"),
    [
        (200, 100, 120, 120),  # wall time: a busy machine may take a while
        pytest.param(6_000, 4_000, 2, 0.05, marks=[pytest.mark.stress, pytest.mark.timeout(3600)]),
    ],
    ids=["few", "all"],
)
def test_strings_are_judged_in_time_and_none_is_too_valid(
    record_tries, molecules: int, names: int, slowest_s: float, p99_s: float
) -> None:
    texts = [*corpus(), *fuzzed("smiles", molecules), *fuzzed("iupac", names)]
    if molecules < 1000:  # what ends in a timeout costs three seconds each: one of them is enough
        texts = [text for text in texts if len(text.text) < 150 or "%" not in text.text or text == slowest()]
    answers = judge(texts)
    seconds = sorted(judged.seconds for judged in answers)
    p99 = seconds[int(0.99 * len(seconds))]
    stopped = sum(judged.result.error == "timeout" for judged in answers)
    note = (
        f"{len(texts):,} strings; 99 % of the questions within {1000 * p99:.0f} ms, the slowest {seconds[-1]:.1f} s; "
        f"{stopped} stopped by the guard, all fingerprints of cages of metal atoms"
    )
    record_tries(7, "questions about hostile strings", answers, lambda judged: check(judged, slowest_s), note)
    assert p99 < p99_s
    assert {judged.function for judged in answers if judged.result.error} == {"similarity"}


def slowest() -> Text:
    """Return a molecule whose fingerprint takes half a minute: twelve metal atoms, each bonded to all others."""
    return max((text for text in corpus() if text.text.startswith("[Fe]1")), key=lambda text: len(text.text))


@pytest.mark.pitfall(14)
def test_the_corpus_through_the_metrics_and_through_a_table() -> None:
    calls = NotationCalls()
    for notation in QUESTIONS:
        texts = [text for text in corpus() if text.notation == notation and text.valid is not None]
        reasons = calls.invalid_reasons(notation, [text.text for text in texts])
        assert [reason is None for reason in reasons] == [text.valid for text in texts]
        # What no column can hold is set aside where the table is read.
        texts = [text for text in texts if text.text.isprintable() or text.text.isascii()]
        texts = [text for text in texts if "\0" not in text.text]
        with WorkerPool(workers=1) as pool:
            errors = pool.map(notation, "normalize", as_strings([text.text for text in texts])).errors
        assert set(errors) == {number for number, text in enumerate(texts) if not text.valid}
