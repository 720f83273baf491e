from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from callbacks.run.training_memory import TrainingMemory, evaluated_record
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import FILE, load_record, record_rows
from datamodules.storage.text_columns import TextColumn
from tests.helpers.callback_stubs import Base, Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "x", "x"), Pair("b", "y", "y")]


def side(*texts: str) -> SideTexts:
    return SideTexts("t", "smiles", "text", *[TextColumn.of(list(texts))] * 3)


class SplitData(StubData):
    sides: ClassVar = {"train": ("a", "b"), "val": ("c",)}

    def side_texts(self, side_name: str) -> list[SideTexts]:
        return [side(*self.sides[side_name])]


class OtherSplit(SplitData):
    sides: ClassVar = {"train": ("b", "d"), "val": ("a", "e")}


def fit(folder: Path, data: StubData, base_folder: Path | None = None, **options: object) -> None:
    model = ScriptedModel(data.pairs)
    model.base_facts = Base("base", str(base_folder), True) if base_folder else Base("stub")
    make_trainer(folder, [TrainingMemory()], max_epochs=1, **options).fit(model, datamodule=data)


def known(folder: Path) -> list[bool]:
    record = load_record(folder / FILE)
    assert record is not None
    return record.knows(TextColumn.of(["a", "b", "c", "d", "e"])).tolist()


def test_a_fit_remembers_its_training_rows_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(tmp_path, SplitData(PAIRS))
    assert known(tmp_path) == [True, True, False, False, False]
    assert "Warning" not in capsys.readouterr().out


def test_a_fit_remembers_the_pairs_of_its_tokens_and_what_is_usual_of_validation_rows(tmp_path: Path) -> None:
    data = SplitData([Pair(str(number), "x", "x") for number in range(9)])
    fit(tmp_path, data)
    record = load_record(tmp_path / FILE)
    assert record is not None
    assert record.token_pairs is not None
    assert record.token_pairs.tolist() == [0, 1, 2]
    assert record.usual == 6  # nearly the most of 0, 0, 0, 1, ... 6 new pairs


def test_a_resumed_run_adds_its_rows_and_warns_of_validation_rows_that_it_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(tmp_path, SplitData(PAIRS))
    fit(tmp_path, OtherSplit(PAIRS))
    assert known(tmp_path) == [True, True, False, True, False]
    assert "1 of 2 validation rows were trained on earlier" in capsys.readouterr().out


@pytest.mark.parametrize("export", [".", "hf"])
def test_a_run_remembers_what_its_base_was_trained_on(tmp_path: Path, export: str) -> None:
    fit(tmp_path / "first", SplitData(PAIRS))
    fit(tmp_path / "second", OtherSplit(PAIRS), base_folder=tmp_path / "first" / export)
    assert known(tmp_path / "second") == [True, True, False, True, False]


def test_a_trial_leaves_no_record(tmp_path: Path) -> None:
    fit(tmp_path, SplitData(PAIRS), fast_dev_run=True)
    assert not (tmp_path / FILE).exists()


def test_a_test_takes_the_record_of_its_checkpoint_before_that_of_the_base(tmp_path: Path) -> None:
    record_rows([side("a")]).save(tmp_path / "run" / FILE)
    record_rows([side("b", "c")]).save(tmp_path / "base" / FILE)
    model = ScriptedModel(PAIRS)
    model.base_facts = Base("base", str(tmp_path / "base"), True)
    trainer = make_trainer(tmp_path / "out", [])
    trainer.test(model, datamodule=StubData(PAIRS))
    found = evaluated_record(trainer, model)
    assert found is not None
    assert len(found) == 2
    trainer.ckpt_path = str(tmp_path / "run" / "checkpoints" / "best.ckpt")
    found = evaluated_record(trainer, model)
    assert found is not None
    assert len(found) == 1
    trainer.ckpt_path = str(tmp_path / "older" / "checkpoints" / "best.ckpt")
    assert evaluated_record(trainer, model) is None, (
        "an older run remembers nothing; its base knows a part only"
    )


def test_a_record_of_other_notations_is_not_compared(tmp_path: Path) -> None:
    """An identity is another string in another notation: nothing would be found, and 0 rows would leak."""
    texts = SideTexts("t", "text", "text", *[TextColumn.of(["a"])] * 3)
    record_rows([texts]).save(tmp_path / "run" / FILE)
    trainer = make_trainer(tmp_path / "out", [])
    trainer.test(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    trainer.ckpt_path = str(tmp_path / "run" / "checkpoints" / "best.ckpt")
    assert evaluated_record(trainer, ScriptedModel(PAIRS)) is None


def test_a_run_that_goes_on_under_another_name_remembers_the_rows_before(tmp_path: Path) -> None:
    record_rows([side("c")]).save(tmp_path / "before" / FILE)
    data, model = SplitData(PAIRS), ScriptedModel(PAIRS)
    trainer = make_trainer(tmp_path / "after", [TrainingMemory()], max_epochs=1)
    trainer.ckpt_path = str(tmp_path / "before" / "checkpoints" / "last.ckpt")
    memory = TrainingMemory()
    trainer.datamodule = data
    memory.on_train_start(trainer, model)
    assert known(tmp_path / "after") == [True, True, True, False, False]
