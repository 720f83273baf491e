from __future__ import annotations

import ast
import re
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from callbacks.reports.export.card_results import describe_results
from callbacks.reports.export.model_card import Card, describe_model
from datamodules.formats import load_format
from datamodules.texts.asking import Asking
from tests.helpers.callback_stubs import Base
from tests.helpers.cards import DATA, METRICS, MODEL, TASKS


def read_header(card: str) -> dict[str, Any]:
    header: dict[str, Any] = yaml.safe_load(card.split("---\n", 2)[1])
    return header


def test_model_card_has_the_fields_that_the_hub_reads() -> None:
    card = describe_model(MODEL, DATA, Card(METRICS))
    assert ModelCard(card).data.to_dict() == read_header(card)
    header = read_header(card)
    [index] = header.pop("model-index")
    assert header == {
        "library_name": "transformers", "pipeline_tag": "text-generation", "base_model": "facebook/opt-125m",
        "datasets": ["owner/mols", "pubchem"], "tags": ["patois", "name", "draw"], "metrics": ["exact_match"],
    }  # fmt: skip
    assert index["results"] == [
        {
            "task": {"type": "text-generation", "name": "name"},
            "dataset": {"type": "owner/mols", "name": "owner/mols", "split": "test"},
            "metrics": [
                {
                    "type": "exact_match",
                    "value": 0.6125,
                    "name": "exact match",
                    "args": {"low_95": 0.58, "high_95": 0.643},
                }
            ],
        }
    ]


def test_model_card_names_no_folder_of_this_machine() -> None:
    own = SimpleNamespace(base_facts=Base("/somewhere/tiny.yaml", "/somewhere", True), average_weights=None)
    data = SimpleNamespace(**{**vars(DATA), "report": {"sources": {"/somewhere/mols.csv": 9}}})
    card = describe_model(own, data, Card(METRICS))
    header = read_header(card)
    assert set(header) == {"library_name", "pipeline_tag", "tags", "metrics", "model-index"}
    assert "somewhere" not in card
    assert "fine-tuned from tiny.yaml" in card
    assert "mols.csv (not known to Patois)" in card


def test_model_card_names_the_bases_and_the_data_that_come_with_the_program() -> None:
    built_in = SimpleNamespace(**{**vars(DATA), "report": {"sources": {"pubchem": 7}}})
    for name in ("bundled", "flagship", "builtin"):
        base = Base(name, "/somewhere", True, "Apache-2.0")
        model = SimpleNamespace(base_facts=base, average_weights=None)
        header = read_header(describe_model(model, built_in, Card({})))
        assert (header["base_model"], header["datasets"]) == (name, ["pubchem"])
        assert header["license"] == "apache-2.0"


def test_model_card_says_that_weights_are_averaged() -> None:
    model = SimpleNamespace(**{**vars(MODEL), "average_weights": 0.999})
    line = "- weights: an exponential average over the optimizer steps (`--model.average_weights 0.999`)\n"
    text = describe_model(model, DATA, Card(METRICS))
    assert f"facebook/opt-125m)\n{line}- data: " in text
    assert text.replace(line, "") == describe_model(MODEL, DATA, Card(METRICS))


def test_model_card_says_what_the_model_is_and_what_it_was_made_of() -> None:
    text = describe_model(MODEL, DATA, Card(METRICS, mark="a1 b2")).split("---\n", 2)[2]
    assert "# name, draw, fine-tuned from opt-125m" in text
    assert "- instruction format: question_answer" in text
    assert "- base: [facebook/opt-125m](https://huggingface.co/facebook/opt-125m)" in text
    assert (
        "- data: hf://datasets/owner/mols@main/x.csv (1,100 rows), pubchem (7 rows); identity split: 1,000 train, 60 val"
        in text
    )
    assert f"## Measured results\n\n{describe_results(DATA, METRICS, 'a1 b2')}\n\n## Limits" in text
    assert "Licence of the base, opt-125m: OPT-175B." in text
    assert "## Use" not in text  # without an example there is no prompt to show


def test_model_card_says_whether_llama_cpp_can_read_it() -> None:
    assert "`convert_hf_to_gguf.py` makes a GGUF file" in describe_model(MODEL, DATA, Card(METRICS))
    card = describe_model(MODEL, DATA, Card(METRICS, why_no_gguf="its tokenizer differs"))
    assert "There is no GGUF file for llama.cpp, since its tokenizer differs." in card


def test_model_card_shows_how_to_ask_in_a_chat() -> None:
    example = ["<s>CCO", "ethanol"]
    card = describe_model(MODEL, DATA, Card({}, example, ("name", "CCO")))
    assert '[{"role": "system", "content": "name"}, {"role": "user", "content": "CCO"}]' in card
    single = SimpleNamespace(**{**vars(DATA), "asking": Asking(TASKS[:1], load_format("arrow"))})
    assert '([{"role": "user", "content": "CCO"}])[0]' in describe_model(
        MODEL, single, Card({}, example, ("name", "CCO"))
    )
    card = describe_model(MODEL, DATA, Card({}, example, ("name", "CCO"), "its tokenizer differs"))
    assert "There is no chat template, since its tokenizer differs" in card
    assert "pipeline(" not in card


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("<s>CCO ->", " ethanol"),
        ('Name "this":\n\tC\\C=C/C\nAnswer:', " (2Z)-but-2-ene"),
        ("\u03b1-pinene \u2192", ' "x"\n```'),
    ],
)
def test_model_card_shows_code_that_holds_the_prompt_to_the_character(prompt: str, answer: str) -> None:
    card = describe_model(MODEL, DATA, Card(METRICS, [prompt, answer]))
    [code] = re.findall(r"```python\n(.*)\n```\n", card, flags=re.DOTALL)
    [given] = [
        node.value
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "prompt"
    ]
    assert ast.literal_eval(given) == prompt
    assert ast.literal_eval(code.splitlines()[-1].removeprefix("# ")) == answer
    assert "add_special_tokens=False" in code  # the special tokens are in the prompt
