from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.lookup import list_configs
from datamodules.formats import Demonstration, Query, load_format
from datamodules.storage.text_columns import as_strings

QUERY = Query("Name this.", "CCO", "SMILES", "IUPAC")
ASKING = [name for name in list_configs("formats") if name != "text"]
REQUIRED = {
    "text", "alpaca", "chatml", "question_answer", "tags", "labels", "arrow", "plain", "chat_template",
}  # fmt: skip


def test_documented_formats_ship() -> None:
    assert set(list_configs("formats")) >= REQUIRED


@pytest.mark.parametrize("name", ASKING)
def test_formats_put_the_question_in_the_prompt_and_the_answer_in_the_completion(name: str) -> None:
    form = load_format(name)
    prompt, completion = form.render(QUERY, "ethanol")
    assert "CCO" in prompt
    assert "ethanol" not in prompt
    assert completion.count("ethanol") == 1
    assert form.extract(completion, QUERY) == "ethanol"
    # A generation that was cut before the format's closing words still gives its answer.
    assert form.extract(completion[: completion.index("ethanol") + 7], QUERY) == "ethanol"


@pytest.mark.parametrize("name", ASKING)
def test_formats_put_demonstrations_before_the_question(name: str) -> None:
    form = load_format(name)
    shots = [
        Demonstration(QUERY._replace(input="CN"), "methanamine"),
        Demonstration(QUERY._replace(input="CF"), "fluoromethane"),
    ]
    prompt, _ = form.render(QUERY, "ethanol", shots)
    places = [prompt.index(text) for text in ("CN", "methanamine", "CF", "fluoromethane", "CCO")]
    assert places == sorted(places)
    assert prompt.endswith(form.render(QUERY)[0])


def test_format_text_is_the_input_and_nothing_else() -> None:
    form = load_format("text")
    assert not form.asks
    assert form.render(QUERY, "ethanol") == ("CCO", "")
    assert all(load_format(name).asks for name in ASKING)


INPUTS = ["CCO", "", "{{ output }}", "a\nb ", "\u00e9"]


@pytest.mark.parametrize("name", list_configs("formats"))
def test_formats_render_many_rows_as_one_by_one(name: str) -> None:
    form = load_format(name)
    query = QUERY._replace(instruction="Name {{ this }}.\n")
    prompts, completions = (
        form.render_all(query, as_strings(INPUTS)),
        form.complete_all(query, as_strings(INPUTS)),
    )
    expected = [form.render(query._replace(input=text), text) for text in INPUTS]
    assert list(zip(prompts.to_pylist(), completions.to_pylist(), strict=True)) == expected


def test_chat_formats_render_many_rows_as_one_by_one(tokenizer_of: Any) -> None:
    tokenizer = tokenizer_of()
    tokenizer.chat_template = "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}{% endfor %}>"
    form = load_format("chat_template")
    wrapped = form.wrap_all(tokenizer, form.render_all(QUERY, as_strings(INPUTS)))
    assert wrapped == [form.render_chat(tokenizer, QUERY._replace(input=text)) for text in INPUTS]


@pytest.mark.parametrize(
    ("template", "plain"),
    [
        ("{{ input }}{# words #} -> {{ input_label }}", True),
        ("{{ input | upper }}", False),
        ("{% if input %}{{ input }}{% endif %}", False),
        ("{% if instruction %}{{ input }}{% else %}-{{ input }}{% endif %}", True),
        ("{% if instruction %}{{ input | upper }}{% endif %}", False),
        ("{% if instruction == 'a' %}{{ input }}{% endif %}{{ input }}", False),
        ("{% for letter in input_label %}{{ input }}{% endfor %}", False),
        ("{{ input ~ instruction }}", False),
        ("{{ input }}{{ 'x' }}", False),
    ],
)
def test_only_formats_of_plain_fields_are_rendered_at_once(
    tmp_path: Path, template: str, plain: bool
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"prompt": template, "completion": "{{ output }}"}))
    form = load_format(str(path))
    assert form.at_once == plain
    if plain:
        assert form.render_all(QUERY, as_strings(["CCO"])).to_pylist() == [form.render(QUERY)[0]]


def test_shipped_formats_render_as_documented() -> None:
    assert load_format("question_answer").render(QUERY, "ethanol") == (
        "Question: Name this. CCO\nAnswer:",
        " ethanol",
    )
    assert load_format("arrow").render(QUERY, "ethanol") == ("CCO ->", " ethanol")
    assert load_format("tags").render(QUERY, "ethanol") == (
        "Name this. <SMILES> CCO </SMILES> <IUPAC>",
        " ethanol </IUPAC>",
    )
    assert load_format("plain").render(QUERY, "ethanol") == ("Name this.\nCCO\n", "ethanol")
    alpaca, _ = load_format("alpaca").render(QUERY)
    assert alpaca.endswith("### Instruction:\nName this.\n\n### Input:\nCCO\n\n### Response:")


def test_row_text_is_never_read_as_a_template() -> None:
    hostile = QUERY._replace(input="{{ 7 * 7 }} {% raw %}")
    prompt, completion = load_format("plain").render(hostile, "{{ output }}")
    assert "{{ 7 * 7 }} {% raw %}" in prompt
    assert completion == "{{ output }}"


def test_chat_template_is_the_bases_own(tokenizer_of: Any) -> None:
    tokenizer = tokenizer_of()
    form = load_format("chat_template")
    with pytest.raises(ValueError, match="needs a base whose tokenizer has a chat template"):
        form.render_chat(tokenizer, QUERY)
    tokenizer.chat_template = (
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    shot = Demonstration(QUERY._replace(input="C"), "methane")
    assert form.render_chat(tokenizer, QUERY, [shot]) == (
        "[user] Name this.\nC\n[assistant] methane\n[user] Name this.\nCCO\n[assistant] "
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('prompt: "{{ input }}"\n', "expected a template `completion`"),
        ('prompt: "{{ output }}"\ncompletion: "{{ output }}"\n', "the prompt shows the output"),
        ('prompt: "{{ inputs }}"\ncompletion: "{{ output }}"\n', "'inputs' is undefined"),
        ('prompt: "hello"\ncompletion: "{{ output }}"\n', "does not hold {{ input }}"),
        ('prompt: "{{ input }}"\ncompletion: "x"\n', "exactly once"),
        ('prompt: "{{ input }}"\ncompletion: "{{ output }}{{ output }}"\n', "exactly once"),
        ('prompt: "{{ input"\ncompletion: "{{ output }}"\n', "not a Jinja template"),
        ('promt: "{{ input }}"\ncompletion: "{{ output }}"\n', "unknown key 'promt'.*Did you mean 'prompt'"),
        (
            'prompt: "{{ input.__class__.__mro__ }}"\ncompletion: "{{ output }}"\n',
            "not a Jinja template|unsafe|may use",
        ),
    ],
)
def test_wrong_format_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_format(str(path))


def test_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(
        ValueError,
        match=r"No format is called 'alpacca' \(configs/formats has: alpaca, .*Did you mean 'alpaca'",
    ):
        load_format("alpacca")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("separator: 5", "expected `separator` to be text, but got 5"),
        ('chat: "no"', "expected `chat` to be true or false, but got 'no'"),
    ],
)
def test_format_option_of_the_wrong_kind_is_an_error(tmp_path, line: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f'prompt: "{{{{ input }}}} ->"\ncompletion: " {{{{ output }}}}"\n{line}\n')
    with pytest.raises(ValueError, match=message):
        load_format(str(path))
