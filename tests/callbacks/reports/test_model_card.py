from __future__ import annotations

import ast
import re
from types import SimpleNamespace

import pytest
import yaml

from callbacks.reports.model_card import describe_model, result_table

MODEL = SimpleNamespace(base="opt-125m")
DATA = SimpleNamespace(
    task_names=["name", "draw"],
    form=SimpleNamespace(name="question_answer"),
    report={"sources": {"mols.csv": 100, "pubchem": 7}},
)
METRICS = {
    "train/loss": 0.5, "val/loss": 1.25, "test/name/exact_match": 0.61249, "test/name/exact_match_low": 0.58,
    "test/name/exact_match_high": 0.643, "lr": 0.1,
}  # fmt: skip


def test_result_table_has_evaluation_metrics_with_their_intervals() -> None:
    assert result_table(METRICS).splitlines() == [
        "| metric | value (95 % interval) |",
        "|---|---|",
        "| test/name/exact_match | 0.612 (0.580 to 0.643) |",
        "| val/loss | 1.250 |",
    ]


def test_model_card_says_what_the_model_is_and_what_it_was_made_of() -> None:
    card = describe_model(MODEL, DATA, METRICS, None)
    _, header, text = card.split("---\n", 2)
    assert yaml.safe_load(header) == {"library_name": "transformers", "pipeline_tag": "text-generation"}
    assert "# name, draw, fine-tuned from opt-125m" in text
    assert "- data source: mols.csv, pubchem\n- instruction format: question_answer\n- base: opt-125m" in text
    assert "## Measured results\n\n" + result_table(METRICS) in text
    assert "opt-125m; mols.csv, pubchem" in text.partition("## Licence")[2]
    assert "## Use" not in text  # without an example there is no prompt to show


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("<s>CCO ->", " ethanol"),
        ('Name "this":\n\tC\\C=C/C\nAnswer:', " (2Z)-but-2-ene"),
        ("\u03b1-pinene \u2192", ' "x"\n```'),
    ],
)
def test_model_card_shows_code_that_holds_the_prompt_to_the_character(prompt: str, answer: str) -> None:
    card = describe_model(MODEL, DATA, METRICS, [prompt, answer])
    [code] = re.findall(r"```python\n(.*)\n```\n", card, flags=re.DOTALL)
    [given] = [
        node.value
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "prompt"
    ]
    assert ast.literal_eval(given) == prompt
    assert ast.literal_eval(code.splitlines()[-1].removeprefix("# ")) == answer
    assert "add_special_tokens=False" in code  # the special tokens are in the prompt
