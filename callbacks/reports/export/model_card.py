"""The README.md of an exported model, by the conventions of the Hugging Face Hub. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from huggingface_hub import EvalResult, EvalResultEntry, ModelCard, ModelCardData, eval_result_entries_to_yaml

from callbacks.rows.protocols import EvaluatedModel, EvaluationData
from callbacks.statistics.intervals import format_estimate
from configs.yaml_text import write_yaml

_INTERVAL = re.compile(r"_(low|high)$")
_HUB_FILE = re.compile(r"hf://datasets/([^/]+/[^/@]+)")
_REPORTED = ("exact_match", "right", "validity")
"""The measures of a task that go into the Hub's fields; the table has all."""
_TEMPLATE = """\
---
{{ card_data }}
---

# {{ title }}

{{ summary }}

- tasks: {{ tasks }}
- instruction format: {{ form }} (`patois.json` has the tasks and the format in full)
- base: {{ base }}
- data: {{ data }}

{{ usage }}
## Measured results

These weights, on the {{ side }} side of the {{ split }} split.

{{ results }}

## Limits

It answers the questions above in the words above, and nothing else. Every answer needs a check: a probability
(`patois.load(...).predict(...)` gives it) says how sure the model is, not that it is right.

## Licence

The licence of these weights depends on the licences of the base model ({{ licence }}) and of the training data
({{ sources }}). Check both before you share them.
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
    max_new_tokens: int = 96
    """Maximum number of tokens of an answer; pipelines of transformers 4 read it from no file."""


def result_table(metrics: Mapping[str, float]) -> str:
    """Return the evaluation metrics as a Markdown table, with each interval in its metric's cell."""
    names = [name for name in sorted(metrics) if name.startswith(("val/", "test/"))]
    lines = [f"| {name} | {format_estimate(metrics, name)} |" for name in names if not _INTERVAL.search(name)]
    return "\n".join(["| metric | value (95 % interval) |", "|---|---|", *lines])


def describe_model(model: EvaluatedModel, data: EvaluationData, card: Card) -> str:
    """Return the model card.

    Args:
        model: The model, fine-tuned from its `base`.
        data: The data that it was trained on.
        card: What else the card says.
    """
    names, base = ", ".join(data.task_names), model.base_facts
    sources = ", ".join(data.report.get("sources", {})) or "not recorded"
    text = ModelCard.from_template(
        _card_data(model, data, card),
        template_str=_TEMPLATE,
        title=f"{names}, fine-tuned from {base.name}",
        summary="A decoder language model for one kind of instruction, made with Patois.",
        tasks=names,
        form=data.asking.form.name,
        base=f"[{base.path}](https://huggingface.co/{base.path})" if _hub_id(model) else base.name,
        data=_describe_data(data),
        usage=_usage(data, card),
        side="validation" if any(name.startswith("val/") for name in card.metrics) else "test",
        split=data.report.get("split", "given"),
        results=result_table(card.metrics),
        licence=base.licence,
        sources=sources,
    )
    return str(text).rstrip() + "\n"


def eval_results(data: EvaluationData, metrics: Mapping[str, float]) -> dict[str, str]:
    """Return the content of `.eval_results/<task>.yaml` for each task with measured exact match."""
    files = {}
    for task in data.task_names:
        entries = [
            EvalResultEntry(
                dataset_id=_dataset(data),
                task_id=task,
                value=round(100 * metrics[name], 2),
                notes=f"{side} rows, exact match in percent, 95 % interval {format_estimate(metrics, name, percent=True)}",
            )
            for side in ("val", "test")
            if (name := f"{side}/{task}/exact_match") in metrics
        ]
        if entries:
            files[task] = write_yaml(eval_result_entries_to_yaml(entries))
    return files


def _card_data(model: EvaluatedModel, data: EvaluationData, card: Card) -> ModelCardData:
    measured = [
        (side, task, kind)
        for side in ("val", "test")
        for task in data.task_names
        for kind in _REPORTED
        if f"{side}/{task}/{kind}" in card.metrics
    ]
    results = [
        EvalResult(
            task_type="text-generation",
            task_name=task,
            dataset_type=_dataset(data),
            dataset_name=_dataset(data),
            dataset_split="validation" if side == "val" else "test",
            metric_type=kind,
            metric_name=kind.replace("_", " "),
            metric_value=round(card.metrics[f"{side}/{task}/{kind}"], 4),
            metric_args=_interval(card.metrics, f"{side}/{task}/{kind}"),
        )
        for side, task, kind in measured
    ]
    known = model.base_facts.licence not in ("", "unknown")
    hub_data = [
        found.group(1) for source in data.report.get("sources", {}) if (found := _HUB_FILE.match(source))
    ]
    return ModelCardData(
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=_hub_id(model),
        license=model.base_facts.licence.lower() if known else None,
        datasets=hub_data or None,
        tags=["patois", *data.task_names],
        metrics=list(dict.fromkeys(kind for _, _, kind in measured)) or None,
        model_name=", ".join(data.task_names) if results else None,
        eval_results=results or None,
    )


def _interval(metrics: Mapping[str, float], name: str) -> dict[str, Any] | None:
    bounds = {
        side: round(metrics[f"{name}_{side}"], 4) for side in ("low", "high") if f"{name}_{side}" in metrics
    }
    return {f"{side}_95": value for side, value in bounds.items()} or None


def _dataset(data: EvaluationData) -> str:
    """Return the first source: its id on the Hub, or its name."""
    source = next(iter(data.report.get("sources", {})), "not recorded")
    found = _HUB_FILE.match(source)
    return found.group(1) if found else source


def _hub_id(model: EvaluatedModel) -> str | None:
    facts = model.base_facts
    return facts.path if facts.path and not facts.is_local else None


def _describe_data(data: EvaluationData) -> str:
    sources = ", ".join(f"{name} ({rows:,} rows)" for name, rows in data.report.get("sources", {}).items())
    sides = ", ".join(f"{rows:,} {side}" for side, rows in data.report.get("rows", {}).items())
    return (sources or "not recorded") + (
        f"; {data.report.get('split', 'unknown')} split: {sides}" if sides else ""
    )


def _usage(data: EvaluationData, card: Card) -> str:
    """Return code examples with a real prompt; they add no special tokens, because the prompt contains them."""
    if card.example is None:
        return ""
    prompt, answer = card.example
    text = f"""## Use

The prompt must match the training format exactly, character by character. An example from the validation rows, with the
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
    return text + "\n" + _chat(data, card)


def _chat(data: EvaluationData, card: Card) -> str:
    """Return how to ask in a chat, or why that gives other answers."""
    if card.why_no_chat is not None:
        return f"There is no chat template, since {card.why_no_chat}: ask it by prompt.\n"
    if not data.asking.form.asks or card.question is None:
        return ""
    task, text = card.question
    messages = [{"role": "system", "content": task}] if len(data.asking.tasks) > 1 else []
    messages.append({"role": "user", "content": text})
    limit = card.max_new_tokens
    why = " (the system message names the task)" if len(messages) > 1 else ""
    return f"""The chat template writes this prompt around the last user message{why}, so that a pipeline, a server or a chat
client asks alike:

```python
from transformers import pipeline

ask = pipeline("text-generation", model=".")
print(ask({json.dumps(messages, ensure_ascii=False)}, max_new_tokens={limit})[0]["generated_text"][-1]["content"])
```
"""
