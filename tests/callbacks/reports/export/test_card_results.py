from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from callbacks.reports.export.card_results import (
    describe_results,
    eval_results,
    find_mark,
    list_results,
    mark_questions,
    mark_weights,
    result_table,
    update_card,
)
from callbacks.reports.export.model_card import Card, describe_model
from lightning_modules.generation.settings import GenerationSettings
from tests.helpers.cards import DATA, METRICS, MODEL

BEFORE = {"val/name/exact_match": 0.5, "val/name/exact_match_low": 0.4, "val/name/exact_match_high": 0.6}
AFTER = {**BEFORE, "test/name/exact_match": 0.25, "test/name/validity": 1.0}


def test_result_table_has_evaluation_metrics_with_their_intervals() -> None:
    assert result_table(METRICS).splitlines() == [
        "| metric | value (95 % interval) |",
        "|---|---|",
        "| test/name/exact_match | 0.612 (0.580 to 0.643) |",
        "| val/loss | 1.250 |",
    ]


def test_results_are_written_as_the_hub_collects_them() -> None:
    files = eval_results(DATA, METRICS)
    assert list(files) == ["name"]
    entry = parse_eval_result_entries(yaml.safe_load(files["name"]))[0]
    assert (entry.dataset_id, entry.task_id, entry.value) == ("owner/mols", "name", 61.25)
    assert "95 % interval 61.2 % (58.0 to 64.3)" in str(entry.notes)


def test_classes_and_numbers_are_reported_by_their_headlines() -> None:
    metrics = {
        "test/name/auroc": 0.91234, "test/name/auroc_low": 0.88, "test/name/auroc_high": 0.94, "test/name/exact_match": 0.8,
        "test/name/balanced_accuracy": 0.7, "test/name/validity": 1.0, "test/draw/mae_all": 12.3456,
        "test/draw/exact_match": 0.0, "test/draw/r2": 0.4,
    }  # fmt: skip
    files = eval_results(DATA, metrics)
    [name], [draw] = (parse_eval_result_entries(yaml.safe_load(files[task])) for task in ("name", "draw"))
    assert (name.value, name.notes) == (0.9123, "test rows, AUROC, 95 % interval 0.912 (0.880 to 0.940)")
    assert (draw.value, draw.notes) == (12.3456, "test rows, MAE, 95 % interval 12.3")
    results, kinds = list_results(DATA, metrics)
    assert [(one.task_name, one.metric_type) for one in results] == [
        ("name", "auroc"), ("name", "balanced_accuracy"), ("draw", "mae_all"), ("draw", "r2"),
    ]  # fmt: skip
    assert kinds == ["auroc", "balanced_accuracy", "mae_all", "r2"]


def test_a_class_called_low_has_its_line_in_the_table() -> None:
    names = ("recall_low", "recall_low_low", "recall_low_high", "recall_high")
    table = result_table({f"test/t/{name}": 0.5 for name in names})
    assert [line.split()[1] for line in table.splitlines()[2:]] == ["test/t/recall_high", "test/t/recall_low"]


def read_results(card: str) -> dict[tuple[Any, ...], Any]:
    return {
        (result.task_name, result.dataset_split, result.metric_type): result.metric_value
        for result in ModelCard(card).data.eval_results or []
    }


def test_a_test_adds_its_results_in_the_text_and_in_the_head() -> None:
    card = describe_model(MODEL, DATA, Card(BEFORE, mark="a1 b2"))
    assert find_mark(card) == "a1 b2"
    changed = update_card(card, DATA, AFTER)
    assert describe_results(DATA, AFTER, "a1 b2") in changed
    assert "on the validation side (`val/`) and the test side (`test/`) of the identity split" in changed
    assert read_results(changed) == {
        ("name", "validation", "exact_match"): 0.5, ("name", "test", "exact_match"): 0.25, ("name", "test", "validity"): 1.0
    }  # fmt: skip
    assert ModelCard(changed).data.metrics == ["exact_match", "validity"]
    assert changed == describe_model(MODEL, DATA, Card(AFTER, mark="a1 b2"))
    assert update_card(changed, DATA, AFTER) == changed


def test_what_its_owner_wrote_into_a_card_stays() -> None:
    card = describe_model(MODEL, DATA, Card(BEFORE, mark="a1 b2"))
    own = card.replace("## Limits", "## Contact\n\nme\\1@example.org\n\n## Limits").replace(
        "library_name", "co2: {grams: 7}\nlibrary_name"
    )
    [foreign], _ = list_results(
        SimpleNamespace(task_names=["name"], report={"sources": {"other.csv": 1}}),
        {"test/name/exact_match": 0.9},
    )
    edited = ModelCard(own)
    edited.data.eval_results = [*(edited.data.eval_results or []), foreign]
    changed = update_card(str(edited), DATA, AFTER)
    assert "## Contact\n\nme\\1@example.org\n\n## Limits" in changed
    assert ModelCard(changed).data.to_dict()["co2"] == {"grams": 7}
    assert [result.metric_value for result in ModelCard(changed).data.eval_results or []] == [
        0.9,
        0.5,
        0.25,
        1.0,
    ]


def test_a_card_without_its_marks_has_no_place_for_results() -> None:
    card = describe_model(MODEL, DATA, Card(BEFORE, mark="a1 b2"))
    assert find_mark(card.replace("<!-- patois: end of results -->", "")) is None


def test_weights_are_told_apart_by_any_change_of_a_tensor() -> None:
    state = {"decoder.a": torch.arange(6.0).reshape(2, 3), "decoder.b": torch.ones(2, dtype=torch.bfloat16)}
    assert mark_weights(state) == mark_weights(dict(reversed(list(state.items()))))
    others = [{**state, "decoder.a": state["decoder.a"] + 1e-6}, {**state, "decoder.a": state["decoder.a"].T}]
    others.append({**state, "decoder.b": state["decoder.b"].half()})
    assert len({mark_weights(one) for one in (state, *others)}) == 4


def test_questions_are_the_same_from_another_folder_and_others_with_other_rows_or_settings() -> None:
    def of(sources: dict[str, int], **settings: Any) -> str:
        data = SimpleNamespace(**{**vars(DATA), "report": {"sources": sources, "split": "identity"}})
        return mark_questions(data, GenerationSettings(**settings))

    usual = of({"mols.csv": 5})
    assert of({"/elsewhere/mols.csv": 5}) == of({"mols.csv": 5}, candidates=4) == usual
    others = [of({"mols.csv": 6}), of({"x.csv": 5}), of({"mols.csv": 5}, only_valid=True)]
    assert usual not in [*others, of({"mols.csv": 5}, strategy="beam")]
