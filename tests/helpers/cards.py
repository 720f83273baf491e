"""A model, its data and its results, as a model card sees them."""

from __future__ import annotations

from types import SimpleNamespace

from datamodules.formats import load_format
from datamodules.tasks import Side, Task
from datamodules.texts.asking import Asking
from tests.helpers.callback_stubs import Base

TASKS = tuple(Task(name, Side("smiles"), Side("name")) for name in ("name", "draw"))
MODEL = SimpleNamespace(
    base_facts=Base("opt-125m", "facebook/opt-125m", licence="OPT-175B"), average_weights=None
)
LOCAL = SimpleNamespace(base_facts=Base("bundled", "/somewhere", True), average_weights=None)
DATA = SimpleNamespace(
    task_names=["name", "draw"],
    asking=Asking(TASKS, load_format("question_answer")),
    report={
        "sources": {"hf://datasets/owner/mols@main/x.csv": 1100, "pubchem": 7}, "split": "identity",
        "rows": {"train": 1000, "val": 60},
    },
)  # fmt: skip
METRICS = {
    "train/loss": 0.5, "val/loss": 1.25, "test/name/exact_match": 0.61249, "test/name/exact_match_low": 0.58,
    "test/name/exact_match_high": 0.643, "lr": 0.1,
}  # fmt: skip
