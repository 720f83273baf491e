"""Ask an exported folder as any tool would; runs by itself, in any version of transformers.

    python ask_export.py FOLDER QUESTIONS ANSWERS

QUESTIONS is a JSON list of {"task", "input", "prompt"}, ANSWERS gets {"version", "prompt", "chat", "pipeline"}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def ask(folder: str, questions: list[dict[str, str]]) -> dict[str, Any]:
    """Return the answers by prompt, by chat and by a pipeline, one at a time."""
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def complete(text: str) -> str:
        inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
        tokens = model.generate(**inputs)
        answer: str = tokenizer.decode(tokens[0, inputs.input_ids.shape[1] :], skip_special_tokens=True)
        return answer

    chats = [
        [{"role": "system", "content": one["task"]}, {"role": "user", "content": one["input"]}]
        for one in questions
    ]
    rendered = [
        tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for chat in chats
    ]
    writer = pipeline("text-generation", model=model, tokenizer=tokenizer)
    return {
        "version": transformers.__version__,
        "prompt": [complete(one["prompt"]) for one in questions],
        "chat": [complete(text) for text in rendered],
        "pipeline": [writer(chat)[0]["generated_text"][-1]["content"] for chat in chats],
    }


if __name__ == "__main__":
    source, target = Path(sys.argv[2]), Path(sys.argv[3])
    answers = ask(sys.argv[1], json.loads(source.read_text(encoding="utf-8")))
    target.write_text(json.dumps(answers), encoding="utf-8")
