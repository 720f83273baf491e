"""Time litgpt's full fine-tuning: `LITGPT_PYTHON bench/litgpt_run.py FOLDER BATCH_SIZE PRECISION`.

It pins other versions of jsonargparse and huggingface_hub than Patois needs, so it runs in a virtual environment of its
own and shares only files with the rest: FOLDER holds `model/` (Hugging Face's layout) and `tokens.npz`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as fabric_package
import numpy as np
import torch
from litgpt.args import EvalArgs, TrainArgs
from litgpt.config import Config
from litgpt.finetune import full
from litgpt.model import GPT
from litgpt.scripts.convert_hf_checkpoint import copy_weights_hf_llama
from litgpt.utils import chunked_cross_entropy
from safetensors.torch import load_file
from stopwatch import Stopwatch
from torch.utils.data import DataLoader

LEARNING_RATE = 3e-4


def rows_of(tokens: Any, side: str) -> Any:
    """Return rows with the fields that litgpt's own collation gives."""
    ids, offsets, prompts = (tokens[f"{side}_{name}"] for name in ("ids", "offsets", "prompts"))
    rows = []
    for place, prompt in enumerate(prompts):
        row = torch.from_numpy(ids[offsets[place] : offsets[place + 1]].astype(np.int64))
        labels = row.clone()
        labels[:prompt] = -100
        rows.append({"input_ids": row, "labels": labels})
    return rows


def collate(rows: list[dict[str, torch.Tensor]]) -> dict[str, Any]:
    """Pad to the longest row of the batch, as litgpt does."""
    pad = torch.nn.utils.rnn.pad_sequence
    count = torch.tensor([len(row["input_ids"]) for row in rows])
    return {
        "input_ids": pad([row["input_ids"] for row in rows], batch_first=True),
        "labels": pad([row["labels"] for row in rows], batch_first=True, padding_value=-100),
        "token_counts": {"raw": count, "raw_plus_prompt_template": count},
    }


def load_model(folder: Path) -> GPT:
    """Return litgpt's model with the weights that every trainer starts from."""
    theta, eps = 10000, 1e-6
    config = Config.from_name("SmolLM2-135M", block_size=2048, rope_base=theta, norm_eps=eps)
    model = GPT(config)
    state: dict[str, torch.Tensor] = {}
    copy_weights_hf_llama(config, {}, state, load_file(folder / "model" / "model.safetensors"))
    state.setdefault("lm_head.weight", state["transformer.wte.weight"])
    model.load_state_dict(state)
    return model


def main(folder: Path, batch_size: int, precision: str) -> None:
    """Train one epoch with litgpt's own `fit` and print one JSON line."""
    tokens = np.load(folder / "tokens.npz")
    fabric = fabric_package.Fabric(
        accelerator="cpu", devices=1, precision="bf16-mixed" if precision == "bf16" else "32-true"
    )
    fabric.print = lambda *_, **__: None  # type: ignore[method-assign]
    model = fabric.setup(load_model(folder))
    optimizer = fabric.setup_optimizers(
        torch.optim.AdamW(
            model.parameters(), lr=LEARNING_RATE, weight_decay=0.01, betas=(0.9, 0.95), fused=True
        )
    )
    stopwatch = Stopwatch()
    scheduler = SimpleNamespace(step=lambda: stopwatch.step(batch_size), get_last_lr=lambda: [LEARNING_RATE])
    train, held_out = rows_of(tokens, "train"), rows_of(tokens, "held_out")
    loaders = [
        fabric.setup_dataloaders(DataLoader(rows, batch_size=batch_size, shuffle=shuffle, collate_fn=collate))
        for rows, shuffle in ((train, True), (held_out, False))
    ]
    full.Tokenizer = lambda _: None  # only for the text that it would print after an evaluation
    full.fit(
        fabric,
        {"model": model, "optimizer": optimizer, "scheduler": scheduler, "iter_num": 0, "step_count": 0},
        *loaders, devices=1, resume=False, checkpoint_dir=folder, out_dir=folder, data=None,
        train=TrainArgs(
            save_interval=None, log_interval=1000, global_batch_size=batch_size, micro_batch_size=batch_size, epochs=1
        ),
        eval=EvalArgs(interval=10**6, max_iters=1, initial_validation=False, final_validation=False),
    )  # fmt: skip
    total, count = 0.0, 0
    model.eval()
    with torch.inference_mode():
        for row in held_out:
            supervised = int((row["labels"][1:] != -100).sum())
            logits = model(row["input_ids"][None])
            loss = chunked_cross_entropy(logits[..., :-1, :], row["labels"][None, 1:])
            total, count = total + float(loss) * supervised, count + supervised
    print(json.dumps(stopwatch.result(total / count)))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
