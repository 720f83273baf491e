from __future__ import annotations

from bench.markdown import DOCS
from bench.speed.results import read_results
from tests.gpu.report import page


def test_page_holds_the_measured_numbers() -> None:
    results = read_results(DOCS / "gpu.jsonl")
    assert (DOCS / "gpu.md").read_text(encoding="utf-8") == page(results), (
        "docs/gpu.md is not what `python -m tests.gpu.report` writes"
    )
    assert all(line["device"] == "cuda" for line in results if line["section"] == "machine"), (
        "a try is no result"
    )


def test_page_without_results_claims_nothing() -> None:
    assert "**Nothing is measured yet.**" in page([])


def test_page_says_why_a_trainer_has_no_figures() -> None:
    case = {"section": "speed-x", "shape": "x", "format": "arrow", "precision": "bf16", "batch_size": 8}
    found = page([
        {**case, "what": "trl-best", "skipped": "needs trl"},
        {**case, "what": "hf-best", "error": "Traceback ...\ntorch.OutOfMemoryError: CUDA out of memory\n"},
        {"section": "flagship", "what": "recipe", "tokens_per_second": 1000.4, "supervised_tokens_per_second": 9.0,
         "rows_per_second": 20.0, "epochs": 3},
        {"section": "speed-x", "what": "section", "outcome": "Traceback\nRuntimeError: it broke", "wall_seconds": 3.2},
    ])  # fmt: skip
    assert "| x, `arrow`, bf16, 8 rows a step | trl-best | needs trl |" in found
    assert "| hf-best | torch.OutOfMemoryError: CUDA out of memory |" in found
    assert "| recipe | 1,000 | 20 | 3 |" in found
    assert "| speed-x | RuntimeError: it broke | none | 3 |" in found
