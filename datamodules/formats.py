"""Instruction formats: how (instruction, input, output) becomes a prompt and a completion.

A format is a YAML file with two Jinja templates, `prompt` and `completion` (see `configs/formats`). They may
use `instruction`, `input`, `input_label` and `output_label`; only `completion` may use `output`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jinja2
import jinja2.meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from configs.lookup import find_config, load_yaml, suggest

KEYS = ("description", "prompt", "completion", "separator", "chat")
# Private-use characters cannot be in a template by chance, so they show where the templates put a value.
OUTPUT_MARK, INPUT_MARK = "\ue000", "\ue001"
# Sandboxed: a format file of unknown origin may lay out text and do nothing else.
_JINJA = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)


class Query(NamedTuple):
    """What is asked: the words, the input, and how both sides are called."""

    instruction: str
    input: str
    input_label: str
    output_label: str


class Demonstration(NamedTuple):
    """A solved example that stands before the question (k-shot)."""

    query: Query
    output: str


@dataclass(frozen=True)
class InstructionFormat:
    """A pair of templates and what stands between demonstrations."""

    name: str
    prompt: str
    completion: str
    separator: str = "\n\n"
    """Stands after each demonstration."""
    chat: bool = False
    """Wrap the prompt in the tokenizer's chat template."""

    @cached_property
    def _prompt_template(self) -> jinja2.Template:
        return _JINJA.from_string(self.prompt)

    @cached_property
    def uses_instruction(self) -> bool:
        """Whether the prompt shows the instruction at all (`arrow` does not)."""
        return "instruction" in jinja2.meta.find_undeclared_variables(_JINJA.parse(self.prompt))

    @cached_property
    def _completion_template(self) -> jinja2.Template:
        return _JINJA.from_string(self.completion)

    def affixes(self, query: Query) -> tuple[str, str]:
        """Return what the completion holds before and after the output."""
        rendered = self._completion_template.render(query._asdict(), output=OUTPUT_MARK)
        before, _, after = rendered.partition(OUTPUT_MARK)
        return before, after

    def render(
        self, query: Query, output: str = "", demonstrations: Sequence[Demonstration] = ()
    ) -> tuple[str, str]:
        """Return (prompt, completion); the prompt of a chat format is one that still lacks its template.

        Args:
            query: What is asked.
            output: The answer; the prompt never sees it.
            demonstrations: Solved examples that go before the question.
        """
        before, after = self.affixes(query)
        shots = "".join(
            self._prompt_template.render(shot.query._asdict()) + before + shot.output + after + self.separator
            for shot in demonstrations
        )
        return shots + self._prompt_template.render(query._asdict()), before + output + after

    def render_chat(self, tokenizer: Any, query: Query, demonstrations: Sequence[Demonstration] = ()) -> str:
        """Return the prompt inside the tokenizer's chat template, up to where the assistant begins.

        Raises:
            ValueError: If the tokenizer has no chat template.
        """
        if not getattr(tokenizer, "chat_template", None):
            raise ValueError(
                f"--data.format {self.name} needs a base whose tokenizer has a chat template, but "
                f"{getattr(tokenizer, 'name_or_path', tokenizer)!r} has none. Use --data.format chatml, or another base."
            )
        messages = []
        for shot in demonstrations:
            messages += [
                {"role": "user", "content": self._prompt_template.render(shot.query._asdict())},
                {"role": "assistant", "content": shot.output},
            ]
        messages.append({"role": "user", "content": self._prompt_template.render(query._asdict())})
        text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return text

    def extract(self, text: str, query: Query) -> str:
        """Return the output that a generated completion holds, without the format's own words."""
        before, after = (affix.strip() for affix in self.affixes(query))
        text = text.strip()
        if before:
            text = text.removeprefix(before)
        if after:
            text = text.removesuffix(after)
        return text.strip()


def load_format(name_or_path: str) -> InstructionFormat:
    """Read a format file and check that it can be learned from.

    Args:
        name_or_path: A name in `configs/formats`, or the path of a YAML file.

    Raises:
        ValueError: If a key is unknown or missing, a template is broken, the prompt shows the output or hides
            the input, or the completion does not hold the output exactly once.
    """
    path = find_config("formats", name_or_path)
    content = load_yaml(path)
    for key in content:
        if key not in KEYS:
            raise ValueError(
                f"{path}: unknown key {key!r} (known: {', '.join(KEYS)}).{suggest(str(key), list(KEYS))}"
            )
    for key in ("prompt", "completion"):
        if not isinstance(content.get(key), str):
            raise ValueError(
                f'{path}: expected a template `{key}`, e.g. {key}: "{{{{ input }}}} ->", but got {content.get(key)!r}.'
            )
    options = {key: content[key] for key in ("separator", "chat") if key in content}
    form = InstructionFormat(
        name=path.stem, prompt=content["prompt"], completion=content["completion"], **options
    )
    query = Query("instruction", INPUT_MARK, "INPUT", "OUTPUT")
    try:
        prompt = form._prompt_template.render(query._asdict())
        completion = form._completion_template.render(query._asdict(), output=OUTPUT_MARK)
    except jinja2.UndefinedError as error:
        if "'output'" in str(error):
            raise ValueError(
                f"{path}: the prompt shows the output, so there would be nothing to learn."
            ) from error
        raise ValueError(
            f"{path}: {error}; templates may use instruction, input, input_label, output_label."
        ) from error
    except jinja2.TemplateError as error:
        raise ValueError(f"{path}: not a Jinja template: {error}.") from error
    if INPUT_MARK not in prompt:
        raise ValueError(f"{path}: the prompt does not hold {{{{ input }}}}, so there is nothing to answer.")
    if completion.count(OUTPUT_MARK) != 1 or INPUT_MARK in completion:
        raise ValueError(
            f"{path}: expected the completion to hold {{{{ output }}}} exactly once and no input."
        )
    return form
