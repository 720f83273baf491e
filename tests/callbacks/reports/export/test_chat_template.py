from __future__ import annotations

from typing import Any

import pytest
from jinja2.exceptions import TemplateError
from tokenizers.processors import ByteLevel

from callbacks.reports.export.chat_template import asks_alike, find_begin, make_chat_template
from datamodules.flag_tasks import task_from_columns
from datamodules.formats import InstructionFormat, load_format
from datamodules.tasks import load_task
from datamodules.texts.asking import Asking
from tests.helpers.tiny import make_tokenizer

CHAT = """{% if messages[0]['role'] != 'system' %}[sys] be kind
{% endif %}{% for message in messages %}
[{{ message['role'] }}] {{ message['content'] }}
{% endfor %}
{% if add_generation_prompt %}[assistant]{% endif %}
"""
BOTH = (load_task("smiles_to_iupac"), load_task("iupac_to_smiles"))
OWN = (task_from_columns('a "b"\\', "größe {{ x }}", "text", "text"),)
TEXTS = ["CCO", 'say "no"\\n', "größer {{ input }} {% if %}", "two\nlines"]
TRICKY = InstructionFormat(
    "tricky",
    "{# no word #}{% if instruction %}\n  Do: {{ instruction | upper }}\n{% endif %}  \n"
    "{%- for x in [1, 2] %}\n {{ x }}\n{% endfor %}"
    "{% raw %}{{ raw }}{% endraw %} {{ input }}\n\n",
    " {{ output }}",
)


def render(tokenizer: Any, template: str, *messages: tuple[str, Any]) -> str:
    listed = [{"role": role, "content": content} for role, content in messages]
    text: str = tokenizer.apply_chat_template(
        listed, chat_template=template, tokenize=False, add_generation_prompt=True
    )
    return text


@pytest.mark.parametrize(
    "form",
    [*map(load_format, ("alpaca", "arrow", "chat_template", "chatml", "labels", "plain", "question_answer", "tags")), TRICKY],
    ids=lambda form: form.name,
)  # fmt: skip
@pytest.mark.parametrize("tasks", [BOTH, BOTH[:1], OWN], ids=["two", "one", "own"])
def test_a_chat_asks_as_training_does(form: InstructionFormat, tasks: tuple) -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = CHAT
    asking = Asking(tasks, form)
    template = make_chat_template(asking, "" if form.chat else "<s>", CHAT)
    for task in tasks:
        for text in TEXTS:
            prompt = asking.prompt(tokenizer, task, text.strip())
            expected = prompt if form.chat else "<s>" + prompt
            assert render(tokenizer, template, ("system", task.name), ("user", text)) == expected
    assert asks_alike(tokenizer, asking, template, TEXTS) == all(text == text.strip() for text in TEXTS)


@pytest.mark.parametrize("shots", [0, 2])
def test_an_exported_folder_of_a_chat_format_does_not_write_its_prompt_twice(shots: int) -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = CHAT
    asking = Asking(BOTH, load_format("chat_template"), shots)
    expected = asking.prompt(tokenizer, BOTH[0], "CCO")
    for _ in range(2):  # an export, and an export of a run that began with it
        tokenizer.chat_template = make_chat_template(asking, "", tokenizer.chat_template)
        assert asking.prompt(tokenizer, BOTH[0], "CCO") == expected
        if not shots:
            chat = render(tokenizer, tokenizer.chat_template, ("system", BOTH[0].name), ("user", "CCO"))
            assert chat == expected


def test_the_last_user_message_is_the_question() -> None:
    tokenizer = make_tokenizer()
    template = make_chat_template(Asking(BOTH[:1], load_format("arrow")), "")
    talk = [("system", "You are helpful."), ("user", "CCO"), ("assistant", "ethanol"), ("user", " CC ")]
    assert render(tokenizer, template, *talk) == "CC ->"
    parts = [{"type": "text", "text": "C"}, {"type": "text", "text": "CC"}]
    assert render(tokenizer, template, ("user", parts)) == "CCC ->"


def test_a_task_of_several_is_chosen_by_its_name_or_instruction_and_never_guessed() -> None:
    tokenizer = make_tokenizer()
    template = make_chat_template(Asking(BOTH, load_format("labels")), "")
    assert (
        render(tokenizer, template, ("system", "iupac_to_smiles"), ("user", "ethanol"))
        == "IUPAC: ethanol\nSMILES:"
    )
    wording = BOTH[0].instructions[-1]
    assert render(tokenizer, template, ("system", wording), ("user", "CCO")) == "SMILES: CCO\nIUPAC:"
    for system in ("", "Be kind."):
        with pytest.raises(
            TemplateError, match="Name one in the system message: smiles_to_iupac, iupac_to_smiles"
        ):
            render(tokenizer, template, ("system", system), ("user", "CCO"))


def test_a_model_of_demonstrations_refuses_a_chat() -> None:
    template = make_chat_template(Asking(BOTH[:1], load_format("arrow"), shots=3), "")
    with pytest.raises(TemplateError, match="3 solved rows of its table before each question"):
        render(make_tokenizer(), template, ("user", "CCO"))


def test_a_format_of_the_bases_chat_needs_its_template() -> None:
    with pytest.raises(ValueError, match="Expected the base's chat template for the format chat_template"):
        make_chat_template(Asking(BOTH[:1], load_format("chat_template")), "")


@pytest.mark.parametrize(("begin", "expected"), [(True, "<s>"), (False, "")])
def test_the_begin_token_is_found(begin: bool, expected: str) -> None:
    tokenizer = make_tokenizer()
    if not begin:
        tokenizer._tokenizer.post_processor = ByteLevel(trim_offsets=False)
    assert find_begin(tokenizer) == expected


def test_another_template_is_seen_as_another() -> None:
    asking = Asking(BOTH[:1], load_format("arrow"))
    assert not asks_alike(make_tokenizer(), asking, "{{ messages[-1]['content'] }} -->", ["CCO"])
