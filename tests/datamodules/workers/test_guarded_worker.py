from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from datamodules.notations import smiles
from datamodules.workers.guarded_worker import GuardedWorker, Result
from tests.helpers.processor_time import processor_seconds
from tests.helpers.runs import PROJECT

ETHANOL = ("OCC", "CCO")
SAME = {"string": False, "canonical": True, "inchikey": True, "connectivity": True}


def test_map_equals_a_loop(worker: GuardedWorker, molecules: list[str]) -> None:
    texts = [*molecules, "", "C1CC", "CCO foo", "\ud800", 'C"\\\n', "\u00e9"]
    pairs = [(ours, theirs) for ours in texts[::2] for theirs in texts[::3]]
    assert len(pairs) > 500  # several requests
    results = worker.map("smiles", "same", pairs)
    assert results == [Result(smiles.same(*pair), None) for pair in pairs]


def test_map_together_equals_a_loop(worker: GuardedWorker, molecules: list[str]) -> None:
    texts = [*molecules, "", "C1CC", "CCO foo", "\ud800", 'C"\\\n', "\u00e9"]
    values, errors = worker.map_together("smiles", "normalize", [texts])
    results = worker.map("smiles", "normalize", [(text,) for text in texts])
    assert [Result(value, errors.get(number)) for number, value in enumerate(values)] == results
    assert worker.map_together("smiles", "randomize", [["OCC"], [3]]) == (
        [smiles.randomize("OCC", 3)],
        {},
    )
    assert worker.map_together("smiles", "normalize", [[]]) == ([], {})
    with pytest.raises(ValueError, match="has no function 'nonsense'"):
        worker.map_together("smiles", "nonsense", [["C"]])
    assert worker.map_together("smiles", "normalize", [["OCC"]]) == (["CCO"], {})


def test_map_calls_any_public_function_of_any_notation(worker: GuardedWorker) -> None:
    assert worker.map("smiles", "normalize", [("OCC",), ("C1CC",), ("CF=C",)]) == [
        ("CCO", None),
        (None, "ValueError: unclosed ring"),
        (None, "ValueError: valence"),
    ]
    assert worker.map("smiles", "invalid_reason", [("OCC",), ("",)]) == [
        (None, None),
        ("empty", None),
    ]
    assert worker.map("smiles", "similarity", [("OCC", "CCO")]) == [(smiles.similarity("OCC", "CCO"), None)]
    assert worker.map("smiles", "randomize", [("OCC", 3)]) == [(smiles.randomize("OCC", 3), None)]
    assert worker.map("selfies", "from_smiles", [("OCC",)]) == [("[C][C][O]", None)]
    assert worker.map("text", "is_valid", []) == []
    assert worker.map("smiles", "same", [("C",)])[0].error.startswith("TypeError: ")  # type: ignore[union-attr]


@pytest.mark.pitfall(16)
def test_a_blocked_alarm_still_kills(slow_molecule: str) -> None:
    """Signal masks are inherited: a parent that blocks SIGALRM would otherwise disarm its child."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        with GuardedWorker(timeout_s=0.7) as worker:
            assert worker.map("smiles", "similarity", [(slow_molecule, "C")]) == [(None, "timeout")]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_child_that_never_starts_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with GuardedWorker() as worker, pytest.raises(RuntimeError, match="it ended 3 times before it began"):
        worker.map("smiles", "is_valid", [("C",)])


def test_interrupted_map_leaves_no_answers_behind(slow_molecule: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with GuardedWorker(timeout_s=60) as worker:
            worker.map("smiles", "is_valid", [("C",)])
            timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1))
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                worker.map("smiles", "similarity", [("C", "C"), (slow_molecule, "C"), ("C", "C")])
            timer.join()
            assert worker.map("smiles", "same", [ETHANOL]) == [(SAME, None)]
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(
    ("notation", "function", "message"),
    [
        ("os", "system", "No notation is called 'os'"),
        ("worker", "serve", "No notation is called 'worker'"),
        ("smiles", "structure", "has no function 'structure'"),
        ("selfies", "_encode", "has no function '_encode'"),  # private
        ("number", "Decimal", "has no function 'Decimal'"),  # imported
        ("selfies", "describe_bad_text", "has no function 'describe_bad_text'"),
        ("smiles", "__import__", r"has no function '__import__' \(it has: describe, "),
    ],
)
def test_map_refuses_all_but_public_functions_of_notations(
    worker: GuardedWorker, notation: str, function: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        worker.map(notation, function, [("true",)])
    assert worker.map("smiles", "same", [ETHANOL]) == [(SAME, None)]


@pytest.mark.parametrize("timeout_s", [0, -1.0, float("nan")])
def test_timeout_must_be_positive(timeout_s: float) -> None:
    with pytest.raises(ValueError, match="Expected timeout_s to be positive, but got"):
        GuardedWorker(timeout_s=timeout_s)


def test_end_of_input_ends_the_child() -> None:
    request = '{"notation": "text", "function": "is_valid", "timeout_s": 2, "arguments": [["a"]]}\n'
    command = [sys.executable, "-m", "datamodules.workers.guarded_worker"]
    done = subprocess.run(
        command, input=request, capture_output=True, text=True, cwd=PROJECT, timeout=120, check=True
    )
    assert done.stdout == "null\n[true, null]\n"
    assert done.stderr == ""


@pytest.mark.pitfall(31)
def test_the_child_loads_nothing_heavy() -> None:
    code = """
        import sys
        from datamodules.workers import guarded_worker
        guarded_worker.serve()
        print(sorted({"torch", "lightning", "transformers", "pandas", "pyarrow"} & set(sys.modules)), file=sys.stderr)
    """
    request = '{"notation": "smiles", "function": "is_valid", "timeout_s": 2, "arguments": [["C"]]}\n'
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, input=request, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.pitfall(27)
def test_guarded_worker_answers_three_thousand_questions_a_second(molecules: list[str]) -> None:
    def measure_seconds(pairs: list[tuple[str, str]]) -> float:
        start = processor_seconds()
        with GuardedWorker() as worker:
            assert len(worker.map("smiles", "same", pairs)) == len(pairs)
        return processor_seconds() - start

    # New predictions of 58 small molecules, half of them right: 7,000 to 8,000 a second where this was written.
    pairs = [
        (smiles.randomize(text, seed) if seed % 2 else smiles.randomize(other, seed), text)
        for seed in range(40)
        for text, other in zip(molecules, molecules[1:] + molecules[:1], strict=True)
    ]
    seconds = measure_seconds(pairs) - measure_seconds(pairs[:1])
    assert len(pairs) / seconds > 3000
