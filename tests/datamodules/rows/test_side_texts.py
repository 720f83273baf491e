from __future__ import annotations

from pathlib import Path
from typing import Any

from datamodules.sequence_task import SequenceTaskDataModule

TASK = """source: {source}
input: {{column: {given}, notation: text}}
output: {{column: {asked}, notation: text}}
instructions: [Do it.]
"""


def test_side_texts_are_those_of_its_rows_task_by_task(tokenizer: Any, tmp_path: Path) -> None:
    table = tmp_path / "words.csv"
    table.write_text("word,back\n" + "".join(f"w{n},{n}w\n" for n in range(200)))
    for name, given, asked in (("there", "word", "back"), ("home", "back", "word")):
        (tmp_path / f"{name}.yaml").write_text(TASK.format(source=table, given=given, asked=asked))
    module = SequenceTaskDataModule(
        tokenizer,
        task=f"{tmp_path}/there.yaml,{tmp_path}/home.yaml",
        format="arrow",
        val_fraction=0.2,
        train_rows=50,
    )
    module.setup("fit")
    module.setup("test")
    for side, stage in (("val", "val"), ("test", "test")):
        rows = [module.row(stage, index) for index in range(module.num_rows(stage))]
        for texts in module.side_texts(side):
            mine = [row for row in rows if row.task == texts.task]
            assert list(zip(texts.inputs, texts.outputs, strict=True)) == [
                (row.input, row.target) for row in mine
            ]
            assert texts.input_notation == texts.output_notation == "text"
    assert {texts.task: len(texts.inputs) for texts in module.side_texts("train")} == {
        "there": 50,
        "home": 50,
    }


def test_answer_lengths_count_tokens_and_the_stop_token(tokenizer: Any, tmp_path: Path) -> None:
    table = tmp_path / "words.csv"
    table.write_text("word,back\n" + "".join(f"w{n},{n * 37}w\n" for n in range(60)))
    module = SequenceTaskDataModule(
        tokenizer,
        source=str(table),
        input_column="word",
        output_column="back",
        format="plain",
        val_fraction=0.5,
    )
    module.setup("validate")
    for index, length in enumerate(module.answer_lengths("val").tolist()):
        target = module.row("val", index).target
        completion = module.form.render(
            module.data.store.query(int(module.data.sides["val"].places[index])), target
        )[1]  # type: ignore[union-attr]
        assert length == len(tokenizer(completion, add_special_tokens=False)["input_ids"]) + 1


def test_masked_rows_are_compared_as_whole_texts(tokenizer: Any, tmp_path: Path) -> None:
    table = tmp_path / "molecules.csv"
    table.write_text("smiles\n" + "".join(f"{'C' * n}O\n" for n in range(2, 40)))
    module = SequenceTaskDataModule(tokenizer, task="fill_smiles", source=str(table), cache=False)
    module.setup("fit")
    [texts] = module.side_texts("train")
    assert list(texts.inputs) == list(texts.outputs)
    assert "CCCO" in set(texts.inputs) or "CCO" in set(texts.inputs)
    assert (texts.input_notation, texts.output_notation) == ("text", "smiles")
