"""The chat template of an exported model: it renders the last user message as the run's own prompt. Pure.

A chat endpoint, a pipeline or llama.cpp then asks the model as its training did, without knowing the format.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment

from datamodules.tasks import Task
from datamodules.texts.asking import Asking
from datamodules.texts.augmentation import ask
from datamodules.tokens.examples import encode

# Any template is cut into its pieces with these settings; InstructionFormat reads it with the same.
_LEXER = Environment(keep_trailing_newline=True)
_READ = """\
{%- macro text_of(content) -%}
{%- if content is string -%}{{- content -}}
{%- else -%}{%- for part in content -%}{{- part['text'] -}}{%- endfor -%}{%- endif -%}
{%- endmacro -%}
{%- set found = namespace(asked='', system='') -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}{%- set found.asked = text_of(message['content']) | trim -%}{%- endif -%}
{%- if message['role'] == 'system' -%}{%- set found.system = text_of(message['content']) | trim -%}{%- endif -%}
{%- endfor -%}
"""


def make_chat_template(asking: Asking, begin: str, of_base: str | None = None) -> str:
    """Return a Jinja template for transformers' `apply_chat_template`.

    The last user message is the input. With several tasks a system message selects one, by its name or its instruction;
    without one, the template raises an error that lists them. Templates are rendered with `trim_blocks`, which formats are
    not, so all text stands in string literals.

    Args:
        asking: The tasks and the format.
        begin: The text of the tokens that the tokenizer puts before a prompt, such as `<s>`.
        of_base: The base's chat template, for formats that use it. It alone is rendered with `as_written=True`.

    Raises:
        ValueError: If the format uses the base's chat template and there is none.
    """
    prompt = _in_literals(asking.form.prompt)
    select = _READ + _select(asking.tasks) + "{%- set input = found.asked -%}\n"
    if asking.shots:
        why = f"This model was trained with {asking.shots} solved rows of its table before each question, which no chat has."
        own = select + _refuse(why)
    elif asking.form.chat:
        wrapped = f"{{%- set prompt -%}}{prompt}{{%- endset -%}}\n"
        own = f"{select}{wrapped}{{%- set messages = [{{'role': 'user', 'content': prompt}}] -%}}\n"
    else:
        own = f"{select}{{{{- {_quote(begin)} -}}}}{prompt}\n".rstrip("\n")
    if not asking.form.chat:
        return own
    if of_base is None:
        raise ValueError(
            f"Expected the base's chat template for the format {asking.form.name}, but got none."
        )
    # Patois itself gives whole prompts, and says so: without this, an exported folder would write each prompt twice. The base
    # may be such a folder, too.
    plain = of_base.removesuffix("\n")
    wrapping = "" if asking.shots else f"{{%- set as_written = true -%}}\n{plain}"
    return (
        f"{{% if as_written is defined and as_written %}}\n{plain}{{% else %}}\n{own}{wrapping}{{% endif %}}"
    )


def find_begin(tokenizer: Any) -> str | None:
    """Return the text of the tokens that a tokenizer puts before a prompt; None if no text gives these tokens."""
    with_special, plain = (
        encode(tokenizer, ["x"], [""], special_tokens=special).prompt(0).tolist() for special in (True, False)
    )
    begin = with_special[: len(with_special) - len(plain)]
    text: str = tokenizer.decode(begin, skip_special_tokens=False)
    same = tokenizer(text, add_special_tokens=False).input_ids == begin if begin else True
    return text if same and with_special[len(begin) :] == plain else None


def asks_alike(tokenizer: Any, asking: Asking, template: str, texts: Sequence[str]) -> bool:
    """Return whether a chat template gives the tokens that training and evaluation give, for some texts and all tasks."""
    for task in asking.tasks:
        expected = asking.encode(tokenizer, task, texts)
        for place, text in enumerate(texts):
            messages = [{"role": "system", "content": task.name}, {"role": "user", "content": text}]
            options = {"tokenize": False, "add_generation_prompt": True, "chat_template": template}
            rendered = tokenizer.apply_chat_template(messages, **options)
            ids = tokenizer(rendered, add_special_tokens=False).input_ids
            if ids != expected.prompt(place).tolist():
                return False
    return True


def _select(tasks: Sequence[Task]) -> str:
    """Return the part that sets the instruction and the labels of the task."""
    if len(tasks) == 1:
        return _set(tasks[0]) + "\n"
    lines = []
    for number, task in enumerate(tasks):
        names = ", ".join(_quote(name) for name in dict.fromkeys((task.name, *task.instructions)) if name)
        lines.append(f"{{%- {'elif' if number else 'if'} found.system in [{names}] -%}}{_set(task)}")
    known = ", ".join(task.name for task in tasks)
    lines.append(
        "{%- else -%}" + _refuse(f"This model has several tasks. Name one in the system message: {known}.")
    )
    return "\n".join([*lines, "{%- endif -%}\n"])


def _set(task: Task) -> str:
    query = ask(task)._asdict()
    return "".join(
        f"{{%- set {name} = {_quote(value)} -%}}" for name, value in query.items() if name != "input"
    )


def _refuse(text: str) -> str:
    return f"{{{{- raise_exception({_quote(text)}) -}}}}"


def _quote(text: str) -> str:
    r"""Return a text as a string literal of Jinja, whose escapes are Python's.

    Examples:
        >>> print(_quote('a "b"\n'))
        "a \"b\"\n"
    """
    return json.dumps(text, ensure_ascii=False)


def _in_literals(source: str) -> str:
    r"""Return a template that renders the same whatever `trim_blocks`, `lstrip_blocks` and `keep_trailing_newline` are.

    Examples:
        >>> print(_in_literals("{% if a %}\nA {{ b }}\n{% endif %}"))
        {% if a %}{{- "\nA " -}}{{ b }}{{- "\n" -}}{% endif %}
    """
    skipped = ("comment", "comment_begin", "comment_end", "raw_begin", "raw_end")
    pieces = []
    for _, kind, value in _LEXER.lex(source):
        if kind == "data":
            pieces.append(f"{{{{- {_quote(value)} -}}}}")
        elif kind not in skipped:
            pieces.append(value)
    return "".join(pieces)
