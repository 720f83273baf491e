from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.flag_tasks import task_from_columns
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import FILE, TrainingRecord, load_record, record_rows
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.storage import spill
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import load_task
from tests.helpers.small_tables import make_module
from tests.helpers.tiny import make_tokenizer


def side(*texts: str) -> SideTexts:
    return SideTexts("t", "text", "text", *[TextColumn.of(list(texts))] * 3)


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = record_rows([side("b", "a"), side("a", "größe")])
    record.save(tmp_path / "run" / FILE)
    again = load_record(tmp_path / "run" / FILE)
    assert again is not None
    assert np.array_equal(again.hashes, record.hashes)
    assert again.knows(TextColumn.of(["größe", "c", "a", "c"])).tolist() == [True, False, True, False]
    assert [path.name for path in (tmp_path / "run").iterdir()] == [FILE]


def test_no_rows_and_no_file_are_no_error(tmp_path: Path) -> None:
    assert len(record_rows([])) == 0
    assert load_record(tmp_path / FILE) is None


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no zip")
    with pytest.raises(ValueError, match=f"{FILE}: expected the hashes of the training rows.*Remove it"):
        load_record(tmp_path / FILE)


def pairs_of(*pairs: tuple[str, str]) -> SideTexts:
    inputs, outputs = (TextColumn.of(list(texts)) for texts in zip(*pairs, strict=True))
    return SideTexts("t", "text", "text", inputs, outputs, inputs)


def test_pairs_are_remembered_apart_from_identities(tmp_path: Path) -> None:
    record_rows([pairs_of(("a", "A"), ("b", "B"))]).save(tmp_path / FILE)
    again = load_record(tmp_path / FILE)
    assert again is not None
    other_task = pairs_of(("a", "1"), ("b", "B"))
    assert again.knows(other_task.identities).tolist() == [True, True]
    assert again.count_pairs(other_task) == 1
    assert again.count_pairs(pairs_of(("aA", ""), ("", "aA"))) == 0


def test_a_record_without_pairs_says_nothing_about_them() -> None:
    old = TrainingRecord(np.zeros(0, dtype=np.uint64), [])
    new = record_rows([pairs_of(("a", "A"))])
    assert old.count_pairs(pairs_of(("a", "A"))) is None
    assert new.join(old).count_pairs(pairs_of(("a", "A"))) is None
    assert new.join(record_rows([pairs_of(("b", "B"))])).count_pairs(pairs_of(("a", "A"), ("b", "B"))) == 2


def test_pairs_of_tokens_are_kept_and_joined(tmp_path: Path) -> None:
    empty = np.zeros(0, dtype=np.uint64)
    one = TrainingRecord(empty, [], token_pairs=np.array([7, 9], dtype=np.uint64), usual=2)
    one.save(tmp_path / FILE)
    read = load_record(tmp_path / FILE)
    assert read is not None
    joined = read.join(TrainingRecord(empty, [], token_pairs=np.array([8, 9], dtype=np.uint64), usual=5))
    assert joined.token_pairs is not None
    assert (joined.token_pairs.tolist(), joined.usual) == ([7, 8, 9], 2)
    counts = {7: 2, 8: 3, 9: 0}
    unlike = joined.find_unlike(lambda known: np.array([counts[pair] for pair in known.tolist()]))
    assert unlike is not None
    assert unlike.tolist() == [False, True, False]
    old = TrainingRecord(empty, [])
    assert old.find_unlike(lambda known: known.astype(np.int64)) is None
    old.save(tmp_path / FILE)
    assert getattr(load_record(tmp_path / FILE), "token_pairs", 0) is None


def test_records_are_joined() -> None:
    joined = record_rows([side("a", "b")]).join(record_rows([side("b", "c")]))
    assert len(joined) == 3
    assert joined.knows(TextColumn.of(["a", "c", "d"])).tolist() == [True, True, False]


def test_trained_rows_are_found_on_whatever_side_they_are_now(tmp_path: Path) -> None:
    table = tmp_path / "words.csv"
    table.write_text("word,reversed\n" + "".join(f"w{number},{number}w\n" for number in range(60)))

    def read(seed: int) -> SequenceTaskDataModule:
        data = SequenceTaskDataModule(
            make_tokenizer(), source=str(table), input_column="word", output_column="reversed", format="arrow",
            val_fraction=0.2, test_fraction=0.3, split_seed=seed, cache=False, max_length=100,
        )  # fmt: skip
        data.setup("fit")
        return data

    first, second = read(0), read(1)
    record = record_rows(first.side_texts("train"))
    [trained], [before], [after] = (
        second.trained_texts(record), first.side_texts("train"), second.side_texts("train")
    )  # fmt: skip
    assert set(trained.inputs) == set(before.inputs) != set(after.inputs)


def test_a_record_covers_tasks_of_its_notations_in_either_direction(tmp_path: Path) -> None:
    texts = SideTexts("t", "smiles", "iupac", *[TextColumn.of(["a"])] * 3)
    record_rows([texts]).join(record_rows([side("b")])).save(tmp_path / FILE)
    record = load_record(tmp_path / FILE)
    assert record is not None
    both = [load_task("smiles_to_iupac"), load_task("iupac_to_smiles")]
    assert record.covers(both)
    assert record.covers([task_from_columns("a", "b", "text", "text")])
    assert not record.covers([*both, task_from_columns("a", "b", "smiles", "text")])


def test_record_of_blocks_of_rows_is_that_of_all_rows(
    words: str, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = make_module(tokenizer, words, cache=False)
    module.setup("fit")
    whole = record_rows(module.side_texts("train"))
    monkeypatch.setattr(spill, "BLOCK", 50)
    found = record_rows(module.iterate_texts("train"))
    assert len(list(module.iterate_texts("train"))) > 5
    assert found.hashes.tolist() == whole.hashes.tolist()
    assert found.pairs is not None
    assert whole.pairs is not None
    assert found.pairs.tolist() == whole.pairs.tolist()
    assert found.notations == whole.notations
