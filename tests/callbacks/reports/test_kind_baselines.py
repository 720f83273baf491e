from __future__ import annotations

import numpy as np
import pytest

from callbacks.reports.kind_baselines import (
    answer_by_training,
    find_nearest_sentence,
    find_similar,
    has_kind_baselines,
    measure,
    own_answers,
    read_targets,
    vote,
)
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.training_molecules import TrainingMolecules
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.text_columns import TextColumn

MOLECULES = ["CCO", "CCCO", "CCCCO", "CCCl", "CCCCl", "CCCCCl", "c1ccccc1"]
CLASSES = ["0", "0", "0", "1", "1", "1", "0"]


def make_evaluation(notation: str, outputs: list[str], rows: list[EvaluatedRow]) -> Evaluation:
    calls = NotationCalls()
    columns = TextColumn.of(MOLECULES), TextColumn.of(outputs), TextColumn.of(MOLECULES)
    texts = SideTexts("t", notation, rows[0].output_notation, *columns)
    return Evaluation(rows, calls, TrainingMolecules(lambda: [texts], calls.pool))


def row(index: int, text: str, target: str, notation: str = "smiles", **options: object) -> EvaluatedRow:
    of = "text" if options.get("choices") else "number"
    return EvaluatedRow(index, "t", text, target, notation, of, "1", -0.5, True, 2, **options)  # type: ignore[arg-type]


OPTIONS = {"choices": ("0", "1"), "probabilities": (0.4, 0.6)}


@pytest.mark.parametrize("notation", ["smiles", "text"])
def test_the_nearest_training_rows_vote(notation: str) -> None:
    rows = [row(0, "CCCCCO", "0", notation, **OPTIONS), row(1, "CCCCCCCl", "1", notation, **OPTIONS)]
    evaluation = make_evaluation(notation, CLASSES, rows)
    frequent, nearest = answer_by_training(evaluation, 1000)
    assert frequent.name == "most frequent class"
    assert frequent.values.tolist() == [[pytest.approx(4 / 7), pytest.approx(3 / 7)]] * 2
    assert nearest.name.startswith("7 nearest training ")
    assert nearest.values[0, 0] > nearest.values[1, 0]
    assert nearest.values.sum(axis=1) == pytest.approx(1)
    line = measure(rows, nearest)
    assert line["auroc"] == 1.0
    assert measure(rows, frequent)["auroc"] == 0.5
    assert measure(rows, own_answers(rows))["accuracy"] == 0.5


def test_numbers_are_those_of_the_mean_and_the_neighbours() -> None:
    rows = [row(0, "CCCCCO", "1.0"), row(1, "CCCCCCCl", "9.0")]
    evaluation = make_evaluation("smiles", ["1", "1", "1", "9", "9", "9", "x"], rows)
    assert np.isnan(read_targets(evaluation)[-1])
    mean, _ = answer_by_training(evaluation, 1000)
    assert mean.values.tolist() == [5.0, 5.0]
    assert measure(rows, mean)["mae_all"] == 4.0
    assert measure(rows, own_answers(rows))["mae_all"] == 4.0  # both answers are 1


def test_similar_rows_are_the_nearest_first_and_places_without_one_are_marked() -> None:
    rows = [row(0, "CCCO", "0", **OPTIONS)]
    evaluation = make_evaluation("smiles", CLASSES, rows)
    found = find_similar(evaluation, 9, 1000)
    assert found is not None
    similarity, place = found
    assert place[0, 0] == 1
    assert similarity[0, 0] == 1.0
    assert (np.diff(similarity[0, :7]) <= 0).all()
    assert place[0, 7:].tolist() == [-1, -1]
    assert find_similar(make_evaluation("text", CLASSES, [row(0, "a", "0", "text", **OPTIONS)]), 3, 5) is None


def test_a_row_without_neighbours_gets_the_mean() -> None:
    assert vote(np.zeros((1, 2)), np.full((1, 2), -1), np.eye(2)).tolist() == [[0.5, 0.5]]


def test_rows_with_choices_of_their_own_or_text_have_no_such_baselines() -> None:
    other = row(1, "C", "a", choices=("a", "b"), probabilities=(0.5, 0.5))
    assert not has_kind_baselines([row(0, "C", "0", **OPTIONS), other])
    assert has_kind_baselines([row(0, "C", "0", **OPTIONS)])
    assert has_kind_baselines([row(0, "C", "0.5")])


def test_the_nearest_sentence_is_that_with_most_words_of_the_question() -> None:
    text = "Sample ZL holds water. HN melts at 75 °C. ZL melts at 0 °C.\nAt how many degrees melts ZL?"
    assert find_nearest_sentence(text) == "ZL melts at 0 °C"
    assert find_nearest_sentence("What?") == find_nearest_sentence("") == ""
