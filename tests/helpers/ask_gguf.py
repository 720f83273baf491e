"""Ask llama.cpp for the tokens of texts; runs by itself, in any Python that has xllamacpp.

    python ask_gguf.py MODEL.gguf TEXTS ANSWERS

TEXTS is a JSON list of texts, ANSWERS gets {"tokens": [[id, ...], ...], "answers": [text, ...]}: of all texts, and greedy
answers to the first 20.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any


def main(model: str, texts: list[str]) -> dict[str, Any]:
    """Return the tokens of all texts, and what the model writes after the first ones."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = model
    settings.n_ctx, settings.n_parallel, settings.warmup = 512, 1, False
    settings.cache_type_k = settings.cache_type_v = (
        xllamacpp.ggml_type.GGML_TYPE_F32
    )  # not rounded to 16 bits
    server = xllamacpp.Server(settings)

    def post(path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            server.listening_address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    tokens = [
        post("/tokenize", content=text, add_special=False, parse_special=False)["tokens"] for text in texts
    ]
    greedy = {"temperature": 0, "top_k": 1, "n_predict": 8, "cache_prompt": False}
    answers = [post("/completion", prompt=ids, **greedy)["content"] for ids in tokens[:20]]
    return {"tokens": tokens, "answers": answers}


if __name__ == "__main__":
    found = main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
    Path(sys.argv[3]).write_text(json.dumps(found), encoding="utf-8")
