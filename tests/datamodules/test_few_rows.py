from __future__ import annotations

from dataclasses import replace

import pytest

from datamodules.few_rows import FEW, describe_hint, find_knowing, list_knowing
from datamodules.flag_tasks import task_from_columns
from datamodules.tasks import load_task
from datamodules.texts.asking import load_asking, load_parts
from lightning_modules.decoder.bases import FLAGSHIP

NAMES, STRUCTURES = load_task("smiles_to_iupac"), load_task("iupac_to_smiles")


def test_the_flagship_says_the_format_and_the_tasks_of_its_training() -> None:
    asking = load_asking(FLAGSHIP)
    assert asking is not None
    known = [asking, *load_parts(FLAGSHIP).values()]
    [base] = list_knowing()
    assert {(base.name, base.form)} == {("flagship", asking.form.name) for asking in known}
    assert base.tasks == tuple(task.name for asking in known for task in asking.tasks)


@pytest.mark.parametrize(
    "tasks", [[NAMES], [STRUCTURES], [NAMES, STRUCTURES], [task_from_columns("a", "b", "smiles", "iupac")]]
)
def test_few_rows_of_known_notations_have_a_base(tasks: list) -> None:
    found = find_knowing(tasks, FEW)
    assert found is not None
    assert found.name == "flagship"
    assert find_knowing(tasks, FEW + 1) is None


def test_other_notations_have_none() -> None:
    text = replace(NAMES, output=replace(NAMES.output, notation="text"))
    for tasks in ([text], [NAMES, text], [load_task("word_to_phonemes")]):
        assert find_knowing(tasks, 10) is None


def test_only_other_bases_of_the_project_get_the_hint() -> None:
    assert "--model.base auto" in str(describe_hint("bundled", [NAMES], 300))
    for base, tasks, rows in (
        ("flagship", [NAMES], 300), ("runs/mine/hf", [NAMES], 300), ("bundled", [NAMES], FEW + 1),
        ("bundled", [load_task("word_to_phonemes")], 300),
    ):  # fmt: skip
        assert describe_hint(base, tasks, rows) is None
