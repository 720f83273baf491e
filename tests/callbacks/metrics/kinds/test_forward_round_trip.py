from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import train
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.kinds.forward_round_trip import ForwardRoundTrip
from callbacks.statistics.intervals import wilson_interval
from datamodules.tasks import Side, Task
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.runs import last_metrics, write_tiny_base
from tests.helpers.small_tables import write_csv

# Product, reactants, predicted reactants.
PAIRS = [
    Pair(product, target, answer, "back", "smiles", "smiles")
    for product, target, answer in [
        ("CCOC(C)=O", "CCO.CC(=O)O", "CCO.CC(=O)O"),
        ("CCOC(C)=O", "CCO.CC(=O)O", "CCO.CC(=O)Cl"),  # others that make it, too
        ("CCOC(C)=O", "CCO.CC(=O)O", "CO.CC(=O)O"),
        ("COC(C)=O", "CO.CC(=O)O", "CO.C("),
        ("COC(C)=O", "CO.CC(=O)O", "CO.CC(=O)O"),
    ]
]
FORWARD = {
    "CCO.CC(=O)O": "O=C(C)OCC", "CCO.CC(=O)Cl": "CCOC(C)=O", "CO.CC(=O)O": "COC(C)=O",
}  # fmt: skip


class Stub:
    """A forward model that knows a few products by heart, in spellings of its own."""

    def __init__(self) -> None:
        self.tasks = {"forth": Task("forth", Side("output", "smiles"), Side("input", "smiles"))}
        self.asked: list[tuple[list[str], str]] = []

    def predict(self, texts: Any, task: str) -> list[SimpleNamespace]:
        self.asked.append((list(texts), task))
        return [SimpleNamespace(text=FORWARD.get(text)) for text in texts]


def evaluate(folder: Path, pairs: list[Pair], model: Stub | None) -> dict[str, float]:
    callback = ForwardRoundTrip()
    if model is not None:
        callback.load = lambda device: model
    trainer = make_trainer(folder, [ExactMatch(), callback])
    trainer.test(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def test_answers_count_that_the_forward_model_leads_back(tmp_path: Path) -> None:
    model = Stub()
    metrics = evaluate(tmp_path, PAIRS, model)
    assert metrics["test/back/exact_match"] == pytest.approx(2 / 5)
    assert metrics["test/back/round_trip"] == pytest.approx(3 / 5)
    low, high = wilson_interval(3, 5)
    assert metrics["test/back/round_trip_low"] == pytest.approx(low, rel=1e-5)
    assert metrics["test/back/round_trip_high"] == pytest.approx(high, rel=1e-5)
    [(texts, task)] = model.asked  # each text once, and none that is not valid
    assert (sorted(texts), task) == (sorted(FORWARD), "forth")


def test_it_is_off_by_default_and_leaves_other_tasks_out(tmp_path: Path) -> None:
    assert not [name for name in evaluate(tmp_path, PAIRS, None) if "round_trip" in name]
    model = Stub()
    named = [Pair("CCO", "ethanol", "ethanol", "name", "smiles", "text")]
    assert not [name for name in evaluate(tmp_path, named, model) if "round_trip" in name]
    assert model.asked == []


def fit(name: str, given: str, answer: str) -> None:
    train.main([
        "fit", "--name", name, "--model.base", write_tiny_base(Path()), "--data.source", "reactions.csv",
        "--data.input_column", given, "--data.output_column", answer, "--data.input_notation", "smiles",
        "--data.output_notation", "smiles", "--data.format", "labels", "--data.val_fraction", "0.2",
        "--data.test_fraction", "0.3", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false",
        "--model.generation.max_new_tokens", "8", "--trainer.logger", "false",
    ])  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_a_run_is_tested_with_another_run_as_its_forward_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    rows = [["C" * n + "OC(C)=O", "C" * n + "O.CC(=O)O"] for n in range(1, 40)]
    write_csv(tmp_path / "reactions.csv", [["product", "reactants"], *rows])
    fit("back", "product", "reactants")
    fit("forth", "reactants", "product")
    capsys.readouterr()
    train.main(["test", "--ckpt_path", "runs/back", "--trainer.logger", "true", "--round_trip", "runs/forth"])
    metrics = last_metrics(Path("runs/back/test/metrics.csv"))
    assert 0 <= metrics["test/product_to_reactants/round_trip"] <= 1
    assert "of the answers lead back to the question by the forward model" in capsys.readouterr().out
    summary = json.loads(Path("runs/back/summary.json").read_text())["test"]
    assert "round_trip" in summary["tasks"]["product_to_reactants"]
