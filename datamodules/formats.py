"""Instruction formats: how (instruction, input, output) becomes a prompt and a completion.

A format is a YAML file with two Jinja templates, `prompt` and `completion` (see `configs/formats`). They may
use `instruction`, `input`, `input_label`, `output_label` and `condition`; only `completion` may use `output`. With an empty
`completion` the prompt asks nothing and is a text to learn unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jinja2
import jinja2.meta
import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from configs.lookup import find_config, load_yaml, suggest

KEYS = ("description", "prompt", "completion", "separator", "chat")
# Private-use characters do not occur in templates by chance, so they mark where a template puts a value.
OUTPUT_MARK, INPUT_MARK = "\ue000", "\ue001"
# Sandboxed because a format file of unknown origin may only lay out text.
_JINJA = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)


def _concatenates(source: str) -> bool:
    """Return whether a Jinja template only puts texts and values one after the other.

    Conditions on other values than the rows' own (`{% if condition %}`) may stand in it, since rows can be grouped by these.
    """

    def plain(body: Sequence[nodes.Node]) -> bool:
        for node in body:
            if isinstance(node, nodes.Output):
                if not all(isinstance(part, nodes.TemplateData | nodes.Name) for part in node.nodes):
                    return False
            elif isinstance(node, nodes.If):
                if not isinstance(node.test, nodes.Name) or node.test.name in ("input", "output"):
                    return False
                if not plain([*node.body, *node.elif_, *node.else_]):
                    return False
            else:
                return False
        return True

    return plain(_JINJA.parse(source).body)


def _join(parts: Sequence[str | pa.LargeStringArray]) -> pa.LargeStringArray:
    """Concatenate texts and columns of texts row by row."""
    scalars = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, pa.scalar("", pa.large_string()))


class Query(NamedTuple):
    """The instruction, the input, the labels of input and output, and the condition of the answer if the task has one."""

    instruction: str
    input: str
    input_label: str
    output_label: str
    condition: str = ""


class Demonstration(NamedTuple):
    """A solved example before the question (k-shot)."""

    query: Query
    output: str


@dataclass(frozen=True)
class InstructionFormat:
    """A pair of templates and the separator of demonstrations."""

    name: str
    prompt: str
    completion: str
    separator: str = "\n\n"
    """Text after each demonstration."""
    chat: bool = False
    """Wrap the prompt in the tokenizer's chat template."""

    @cached_property
    def _prompt_template(self) -> jinja2.Template:
        return _JINJA.from_string(self.prompt)

    @property
    def asks(self) -> bool:
        """Whether the format has a completion; if not, the prompt is a text to learn unchanged."""
        return bool(self.completion)

    @cached_property
    def uses_instruction(self) -> bool:
        """Whether the prompt shows the instruction (`arrow` does not)."""
        return "instruction" in jinja2.meta.find_undeclared_variables(_JINJA.parse(self.prompt))

    @cached_property
    def uses_condition(self) -> bool:
        """Whether the prompt shows the condition of the answer (`styled` does)."""
        return "condition" in jinja2.meta.find_undeclared_variables(_JINJA.parse(self.prompt))

    @cached_property
    def _completion_template(self) -> jinja2.Template:
        return _JINJA.from_string(self.completion)

    @cached_property
    def at_once(self) -> bool:
        """Whether many rows can be laid out at once: the templates only put texts and values one after the other."""
        return _concatenates(self.prompt) and _concatenates(self.completion)

    def affixes(self, query: Query) -> tuple[str, str]:
        """Return the completion's texts before and after the output."""
        rendered = self._completion_template.render(query._asdict(), output=OUTPUT_MARK)
        before, _, after = rendered.partition(OUTPUT_MARK)
        return before, after

    def render(
        self,
        query: Query,
        output: str = "",
        demonstrations: Sequence[Demonstration] = (),
        mark: str = "",
    ) -> tuple[str, str]:
        r"""Return (prompt, completion); a chat format's prompt does not yet have the chat template.

        Args:
            query: Instruction, input and labels.
            output: The answer, which the prompt never shows.
            demonstrations: Solved examples before the question.
            mark: A character put before and after each example's answer.

        Examples:
            >>> arrow = InstructionFormat(name="arrow", prompt="{{ input }} ->", completion=" {{ output }}", separator="\n")
            >>> query = Query(instruction="Name the molecule.", input="CCO", input_label="SMILES", output_label="IUPAC")
            >>> arrow.render(query, output="ethanol")
            ('CCO ->', ' ethanol')
            >>> print(arrow.render(query, demonstrations=[Demonstration(query._replace(input="C"), "methane")])[0])
            C -> methane
            CCO ->
        """
        if not self.asks:
            output = ""
        before, after = self.affixes(query)
        shots = "".join(
            f"{self._prompt_template.render(shot.query._asdict())}{mark}{before}{shot.output}{after}{mark}{self.separator}"
            for shot in demonstrations
        )
        return shots + self._prompt_template.render(query._asdict()), before + output + after

    def render_chat(
        self, tokenizer: Any, query: Query, demonstrations: Sequence[Demonstration] = (), mark: str = ""
    ) -> str:
        """Return the prompt inside the tokenizer's chat template, up to the beginning of the assistant's answer.

        `mark` stands before and after each demonstration's answer.

        Raises:
            ValueError: If the tokenizer has no chat template.
        """
        messages = []
        for shot in demonstrations:
            messages += [
                {"role": "user", "content": self._prompt_template.render(shot.query._asdict())},
                {"role": "assistant", "content": f"{mark}{shot.output}{mark}"},
            ]
        messages.append({"role": "user", "content": self._prompt_template.render(query._asdict())})
        return self._wrap(tokenizer, messages)

    def _wrap(self, tokenizer: Any, messages: list[dict[str, str]]) -> str:
        if not getattr(tokenizer, "chat_template", None):
            raise ValueError(
                f"--data.format {self.name} needs a base whose tokenizer has a chat template, but "
                f"{getattr(tokenizer, 'name_or_path', tokenizer)!r} has none. Use --data.format chatml, or another base."
            )
        try:
            # An exported folder's template writes the run's prompt around a question; these messages are prompts already.
            text: str = tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, as_written=True
            )
        except jinja2.TemplateError as error:
            raise ValueError(
                f"--data.format {self.name}: the chat template of {getattr(tokenizer, 'name_or_path', tokenizer)!r} refuses the "
                f"question ({error}). Choose another --data.format."
            ) from error
        return text

    def render_all(self, query: Query, inputs: Sequence[str]) -> pa.LargeStringArray:
        """Return the prompts of many inputs, equal to those of `render`; the format needs to be `at_once`.

        Args:
            query: The instruction, the labels and the condition of all prompts.
            inputs: (N,) the inputs, an Arrow array.
        """
        assert self.at_once
        texts = self._prompt_template.render(query._replace(input=INPUT_MARK)._asdict()).split(INPUT_MARK)
        parts: list[str | pa.LargeStringArray] = [texts[0]]
        for text in texts[1:]:
            parts += [inputs, text]
        # The column that is empty makes a row of each input even where a condition leaves the input out.
        return _join([*parts, pc.utf8_slice_codeunits(inputs, 0, 0)])

    def wrap_all(self, tokenizer: Any, prompts: pa.LargeStringArray) -> list[str]:
        """Return prompts inside the tokenizer's chat template, equal to those of `render_chat` without demonstrations."""
        return [self._wrap(tokenizer, [{"role": "user", "content": text}]) for text in prompts.to_pylist()]

    def complete_all(self, query: Query, outputs: Sequence[str]) -> pa.LargeStringArray:
        """Return the completions of many outputs, equal to those of `render`; the format needs to be `at_once`."""
        if not self.asks:
            return pc.utf8_slice_codeunits(outputs, 0, 0)
        before, after = self.affixes(query)
        return _join([before, outputs, after])

    def extract(self, text: str, query: Query) -> str:
        """Return the output in a generated completion, without the format's own text.

        Examples:
            >>> tags = load_format("tags")
            >>> query = Query(instruction="", input="CCO", input_label="SMILES", output_label="IUPAC")
            >>> tags.render(query, output="ethanol")
            (' <SMILES> CCO </SMILES> <IUPAC>', ' ethanol </IUPAC>')
            >>> tags.extract(" ethanol </IUPAC>", query)
            'ethanol'
        """
        before, after = (affix.strip() for affix in self.affixes(query))
        text = text.strip()
        if before:
            text = text.removeprefix(before)
        if after:
            text = text.removesuffix(after)
        return text.strip()


def load_format(name_or_path: str) -> InstructionFormat:
    """Read a format file and check that a model can learn from it.

    Args:
        name_or_path: A name in `configs/formats`, or the path of a YAML file.

    Raises:
        ValueError: If a key is unknown or missing, a template is invalid, the prompt shows the output or lacks the input, or
            the completion is not empty and does not contain the output exactly once.
    """
    path = find_config("formats", name_or_path)
    return build_format(path.stem, load_yaml(path), str(path))


def build_format(name: str, content: Mapping[str, Any], path: str) -> InstructionFormat:
    """Make a format of a file's content.

    Args:
        name: What it is called.
        content: The keys of a format file.
        path: Names the file in errors.

    Raises:
        ValueError: As `load_format`.
    """
    _check_keys(path, content)
    options = {key: content[key] for key in ("separator", "chat") if key in content}
    form = InstructionFormat(name=name, prompt=content["prompt"], completion=content["completion"], **options)
    _check_templates(path, form)
    return form


def _check_keys(path: str, content: Mapping[str, Any]) -> None:
    """Raise an error if a key is unknown or missing, or its value has the wrong type."""
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
    for key, kind in (("separator", str), ("chat", bool)):
        if not isinstance(content.get(key, kind()), kind):
            raise ValueError(
                f"{path}: expected `{key}` to be {'text' if kind is str else 'true or false'}, but got {content[key]!r}."
            )


def _check_templates(path: str, form: InstructionFormat) -> None:
    """Raise an error if a template is invalid or puts the input or output where a model could not learn from it."""
    query = Query("instruction", INPUT_MARK, "INPUT", "OUTPUT", "condition")
    try:
        prompt = form._prompt_template.render(query._asdict())
        completion = form._completion_template.render(query._asdict(), output=OUTPUT_MARK)
    except jinja2.UndefinedError as error:
        if "'output'" in str(error):
            raise ValueError(
                f"{path}: the prompt shows the output, so there would be nothing to learn."
            ) from error
        raise ValueError(
            f"{path}: {error}; templates may use instruction, input, input_label, output_label, condition."
        ) from error
    except jinja2.TemplateError as error:
        raise ValueError(f"{path}: not a Jinja template: {error}.") from error
    except Exception as error:  # a template can run any expression, such as 1 / 0
        raise ValueError(f"{path}: the template fails: {type(error).__name__}: {error}.") from error
    if INPUT_MARK not in prompt:
        raise ValueError(f"{path}: the prompt does not hold {{{{ input }}}}, so there is nothing to answer.")
    if form.asks and (completion.count(OUTPUT_MARK) != 1 or INPUT_MARK in completion):
        raise ValueError(
            f"{path}: expected the completion to hold {{{{ output }}}} exactly once and no input."
        )
