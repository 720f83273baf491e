"""The README.md of an exported model, by the conventions of the Hugging Face Hub. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from callbacks.reports.export.card_results import describe_results, list_results
from callbacks.reports.export.licences import (
    Licence,
    find_base_id,
    list_data_ids,
    name_base,
    name_data,
    state_licence,
)
from callbacks.rows.protocols import EvaluatedModel, EvaluationData
from datamodules.texts.asking import Asking

_TEMPLATE = """\
---
{{ card_data }}
---

# {{ title }}

{{ summary }}

- tasks: {{ tasks }}
- instruction format: {{ form }} (`patois.json` has the tasks and the format in full)
- base: {{ base }}{{ weights }}
- data: {{ data }}

{{ usage }}
{{ gguf }}

## Measured results

{{ results }}

## Limits

It answers the questions above in the words above, and nothing else. Every answer needs a check: a probability
(`patois.load(...).predict(...)` gives it) says how sure the model is, not that it is right.

## Licence

{{ licence }}
"""


class Card(NamedTuple):
    """What a model card says beside the model and its data."""

    metrics: Mapping[str, float]
    """The results measured with the exported weights."""
    example: Sequence[str] | None = None
    """A prompt as the model received it, and the answer of the exported weights."""
    question: tuple[str, str] | None = None
    """The task and the input of that prompt."""
    why_no_chat: str | None = None
    """Why the folder has no chat template of the run's format; None if it has one."""
    why_no_gguf: str | None = None
    """Why llama.cpp cannot read the model; None if nothing is known that speaks against it."""
    mark: str = ""
    """Which weights and which rows the results are of; see `mark_of`."""


def describe_model(model: EvaluatedModel, data: EvaluationData, card: Card) -> str:
    """Return the model card.

    Args:
        model: The model, fine-tuned from its `base`.
        data: The data that it was trained on.
        card: What else the card says.
    """
    names, base = ", ".join(data.task_names), model.base_facts
    on_hub = bool(base.path) and not base.is_local
    text = ModelCard.from_template(
        _card_data(model, data, card),
        template_str=_TEMPLATE,
        title=f"{names}, fine-tuned from {name_base(base)}",
        summary="A decoder language model for one kind of instruction, made with Patois.",
        tasks=names,
        form=data.asking.form.name,
        base=f"[{base.path}](https://huggingface.co/{base.path})" if on_hub else name_base(base),
        weights=_describe_weights(model.average_weights),
        data=_describe_data(data),
        usage=describe_use(data.asking, card),
        gguf=_describe_gguf(card.why_no_gguf),
        results=describe_results(data, card.metrics, card.mark),
        licence=state_licence(base, data.report.get("sources", {})).words,
    )
    return str(text).rstrip() + "\n"


def _card_data(model: EvaluatedModel, data: EvaluationData, card: Card) -> ModelCardData:
    results, kinds = list_results(data, card.metrics)
    sources = data.report.get("sources", {})
    licence = state_licence(model.base_facts, sources)
    return make_head(data.task_names, sources, find_base_id(model.base_facts), licence, results, kinds)


def make_head(
    tasks: Sequence[str],
    sources: Iterable[str],
    base: str | None,
    licence: Licence,
    results: Sequence[EvalResult],
    kinds: Sequence[str],
    name: str | None = None,
) -> ModelCardData:
    """Return the head of a card, that of a run's export and those of the models that ship.

    Args:
        tasks: The names of the tasks.
        sources: What the model was trained on; files have no place in the head.
        base: A base's id on the Hub, or its name if it comes with Patois; None for any other.
        licence: The licence of the weights.
        results: What was measured.
        kinds: The names of the measures.
        name: The model's name; default: the tasks.
    """
    return ModelCardData(
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=base,
        license=licence.field,
        license_name=licence.name,
        datasets=list_data_ids(sources) or None,
        tags=["patois", *tasks],
        metrics=list(kinds) or None,
        model_name=(name or ", ".join(tasks)) if results else None,
        eval_results=list(results) or None,
    )


def _describe_data(data: EvaluationData) -> str:
    counts = data.report.get("sources", {}).items()
    sources = ", ".join(
        f"{name if '://' in name else name_data(name)} ({rows:,} rows)" for name, rows in counts
    )
    sides = ", ".join(f"{rows:,} {side}" for side, rows in data.report.get("rows", {}).items())
    return (sources or "not recorded") + (
        f"; {data.report.get('split', 'unknown')} split: {sides}" if sides else ""
    )


def _describe_weights(decay: float | None) -> str:
    """Return a line about weights that are an average; without one there is nothing to say."""
    if decay is None:
        return ""
    return (
        f"\n- weights: an exponential average over the optimizer steps (`--model.average_weights {decay:g}`)"
    )


def _describe_gguf(why_not: str | None) -> str:
    if why_not is not None:
        return f"There is no GGUF file for llama.cpp, since {why_not}."
    return "For llama.cpp, its `convert_hf_to_gguf.py` makes a GGUF file of this folder, or refuses a tokenizer it does not know."


def describe_use(asking: Asking, card: Card, rows: str = "the validation rows") -> str:
    """Return code examples with a real prompt; they add no special tokens, because the prompt contains them.

    Args:
        asking: How the model is asked.
        card: What else the card says: the example, its question, and whether there is a chat template.
        rows: Where the example is from.
    """
    if card.example is None:
        return ""
    prompt, answer = card.example
    text = f"""## Use

The prompt must match the training format exactly, character by character. An example from {rows}, with the
answer of these weights:

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForCausalLM.from_pretrained(".")
prompt = {json.dumps(prompt, ensure_ascii=False)}
inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
tokens = model.generate(**inputs)
print(tokenizer.decode(tokens[0, inputs.input_ids.shape[1]:], skip_special_tokens=True))
# {json.dumps(answer, ensure_ascii=False)}
```
"""
    return text + "\n" + _chat(asking, card)


def _chat(asking: Asking, card: Card) -> str:
    """Return how to ask in a chat, or why that gives other answers."""
    if card.why_no_chat is not None:
        return f"There is no chat template, since {card.why_no_chat}: ask it by prompt.\n"
    if not asking.form.asks or card.question is None:
        return ""
    task, text = card.question
    messages = [{"role": "system", "content": task}] if len(asking.tasks) > 1 else []
    messages.append({"role": "user", "content": text})
    why = " (the system message names the task)" if len(messages) > 1 else ""
    return f"""The chat template writes this prompt around the last user message{why}, so that a pipeline, a server or a chat
client asks alike:

```python
from transformers import pipeline

ask = pipeline("text-generation", model=".")
print(ask({json.dumps(messages, ensure_ascii=False)})[0]["generated_text"][-1]["content"])
```
"""
