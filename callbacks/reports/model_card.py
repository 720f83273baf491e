"""The README.md of an exported model: its purpose, usage and results. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from callbacks.rows.protocols import EvaluatedModel, EvaluationData
from callbacks.statistics.intervals import format_estimate

_INTERVAL = re.compile(r"_(low|high)$")


def result_table(metrics: Mapping[str, float]) -> str:
    """Return the evaluation metrics as a Markdown table, with each interval in its metric's cell."""
    names = [name for name in sorted(metrics) if name.startswith(("val/", "test/"))]
    lines = [f"| {name} | {format_estimate(metrics, name)} |" for name in names if not _INTERVAL.search(name)]
    return "\n".join(["| metric | value (95 % interval) |", "|---|---|", *lines])


def describe_model(
    model: EvaluatedModel,
    datamodule: EvaluationData,
    metrics: Mapping[str, float],
    example: Sequence[str] | None,
) -> str:
    """Return the model card.

    Args:
        model: The model, fine-tuned from its `base`: a name, Hub id or folder.
        datamodule: The data that it was trained on.
        metrics: The results measured with the exported weights.
        example: A prompt as the model received it, and the answer of the exported weights.
    """
    tasks = ", ".join(datamodule.task_names)
    form = datamodule.form.name
    sources = ", ".join(datamodule.report.get("sources", {})) or "not recorded"
    base = model.base
    parts = [
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\n---",
        f"# {tasks}, fine-tuned from {base}",
        "A decoder language model for one kind of instruction. Made with Patois.",
        f"- task: {tasks}\n- data source: {sources}\n- instruction format: {form}\n- base: {base}",
        "## Measured results\n\n" + result_table(metrics),
    ]
    if example is not None:
        parts.append(_usage(*example))
    parts.append(
        "## Licence\n\nThe licence of these weights depends on the licences of the base model and of the training "
        f"data ({base}; {sources}). Check both before you share them."
    )
    return "\n\n".join(parts) + "\n"


def _usage(prompt: str, answer: str) -> str:
    """Return a code example with a real prompt; it adds no special tokens, because the prompt contains them."""
    return f"""## Use

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
```"""
