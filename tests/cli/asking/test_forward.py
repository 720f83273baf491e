from __future__ import annotations

from pathlib import Path

import pytest

from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.kinds.forward_round_trip import ForwardRoundTrip
from cli.asking.forward import find_forward, set_forward
from datamodules.formats import load_format
from datamodules.tasks import Side, Task
from datamodules.texts.asking import Asking

BACK = Task("back", Side("product", "smiles"), Side("reactants", "smiles"))
FORTH = Task("forth", Side("reactants", "smiles"), Side("product", "smiles"))


def export(folder: Path, *tasks: Task) -> str:
    """Write what an exported folder tells of its model, without weights."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    Asking(tasks, load_format("labels")).save(folder)
    return str(folder)


def test_a_model_of_the_task_the_other_way_round_is_found(tmp_path: Path) -> None:
    folder = export(tmp_path / "both", BACK, FORTH)
    assert find_forward(folder, [BACK]).tasks == (BACK, FORTH)
    with pytest.raises(
        ValueError, match=r"on reactants to product, but .*one was trained on back\. Name another one"
    ):
        find_forward(export(tmp_path / "one", BACK), [BACK])
    with pytest.raises(ValueError, match=r"neither .*none/hf/config.json nor .*none/config.json exists"):
        find_forward(str(tmp_path / "none"), [BACK])


def test_the_metric_gets_the_model_also_in_a_run_of_an_earlier_version(tmp_path: Path) -> None:
    folder = export(tmp_path / "forth", FORTH)
    own, others = ForwardRoundTrip(), [ExactMatch()]
    set_forward([own], None, [BACK])
    assert own.load is None
    set_forward([own], folder, [BACK])
    assert own.load is not None
    set_forward(others, folder, [BACK])  # type: ignore[arg-type]
    assert [type(one) for one in others] == [ForwardRoundTrip, ExactMatch]
