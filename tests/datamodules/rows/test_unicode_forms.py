"""A text is one thing, whether its letters are composed (NFC) or decomposed (NFD): for splitting and for comparing."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from callbacks.metrics.text_similarity import TextSimilarity
from callbacks.reports.compare import read_answers
from callbacks.reports.rerank import different
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.outcomes import outcomes_of
from datamodules.sequence_task import SequenceTaskDataModule
from tests.datamodules.conftest import make_tokenizer

WORDS = [
    "do\u00e9rka",
    "pi\u00e9ventumo",
    "gr\u00f6\u00dfe",
    "\u212bngstr\u00f6m",
    "na\u00efve",
    "\uac00\uac01",
    "plain",
] * 6
FORMS = [
    [unicodedata.normalize(form, f"{word}{place}") for form in ("NFC", "NFD")]
    for place, word in enumerate(WORDS)
]


@pytest.mark.parametrize("split", ["identity", "random"])
def test_both_forms_stand_on_one_side_and_stay_as_they_are(tmp_path: Path, split: str) -> None:
    path = tmp_path / "words.csv"
    lines = [f"{text},{unicodedata.normalize('NFD', text[::-1])}\n" for forms in FORMS for text in forms]
    path.write_text("word,back\n" + "".join(lines), encoding="utf-8")
    data = SequenceTaskDataModule(
        make_tokenizer(), source=str(path), input_column="word", output_column="back", format="arrow", split=split,
        val_fraction=0.3, test_fraction=0.3,
    )  # fmt: skip
    data.read()
    assert data.prepared is not None
    [part] = data.prepared.parts
    assert list(part.inputs) == [text for forms in FORMS for text in forms], "the model's texts"
    assert len(set(part.identities)) == len(FORMS)
    sides = data.prepared.sides.tolist()
    assert sides[::2] == sides[1::2]
    assert len(set(sides)) == 3


def test_an_identity_of_the_table_is_one_thing_too(tmp_path: Path) -> None:
    path, task = tmp_path / "t.csv", tmp_path / "own.yaml"
    path.write_text("word,back,id\na,b,caf\u00e9\nc,d,cafe\u0301\n", encoding="utf-8")
    task.write_text("input: {column: word}\noutput: {column: back}\nidentity: {column: id}\n")
    data = SequenceTaskDataModule(make_tokenizer(), source=str(path), task=str(task), format="arrow")
    data.read()
    assert data.prepared is not None
    assert set(data.prepared.parts[0].identities) == {"caf\u00e9"}


@pytest.mark.parametrize("notation", ["text", "iupac"])
def test_an_answer_in_the_other_form_is_exact(notation: str) -> None:
    pairs = [("caf\u00e9", "cafe\u0301"), ("cafe\u0301", "caf\u00e9"), ("cafe", "caf\u00e9")]
    rows = [
        EvaluatedRow(place, "t", "x", target, "text", notation, answer, 0.0, True, 3)
        for place, (answer, target) in enumerate(pairs)
    ]
    assert [one.name for one in outcomes_of(rows, False)] == ["exact", "exact", "different"]
    assert [score["edit_distance"] for score in TextSimilarity().score(rows)] == [0, 0, 1]


def test_tables_of_predictions_are_compared_in_one_form() -> None:
    row = {"task": "t", "target": "x", "same_string": "true", "verdict": "exact"}
    composed, decomposed = (read_answers([{**row, "input": text}]) for text in ("caf\u00e9", "cafe\u0301"))
    assert list(composed) == list(decomposed)
    assert len(different([("caf\u00e9", -1.0, True), ("cafe\u0301", -2.0, True)])) == 1
