"""Time litgpt's full fine-tuning of a Llama: `LITGPT_PYTHON bench/speed/training/litgpt_run.py FOLDER BATCH_SIZE PRECISION SEED`.

litgpt pins other versions of jsonargparse and huggingface_hub than Patois needs, so it runs in its own virtual environment
and shares only files with the rest: FOLDER holds `model/` (Hugging Face's layout) and `tokens.npz`. It does not support
OPT. If input and output embedding are tied, it trains two, and it does not clip gradients: both are litgpt's defaults.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
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
from stopwatch import EPOCHS, Stopwatch
from torch.utils.data import DataLoader

LEARNING_RATE = 3e-4


def rows_of(tokens: Any, part: str) -> Any:
    """Return rows with the fields that litgpt's collation needs."""
    ids, offsets, prompts = (tokens[f"{part}_{name}"] for name in ("ids", "offsets", "prompts"))
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
    given = json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))
    if given["model_type"] != "llama":
        raise ValueError(f"Expected a Llama, which litgpt supports, but got {given['model_type']!r}.")
    config = Config(
        name="llama", block_size=given["max_position_embeddings"], vocab_size=given["vocab_size"],
        padded_vocab_size=given["vocab_size"], n_layer=given["num_hidden_layers"], n_head=given["num_attention_heads"],
        n_query_groups=given["num_key_value_heads"], head_size=given["head_dim"], n_embd=given["hidden_size"],
        intermediate_size=given["intermediate_size"], norm_eps=given["rms_norm_eps"],
        rope_base=int(given["rope_parameters"]["rope_theta"]), rotary_percentage=1.0, parallel_residual=False,
        bias=False, norm_class_name="RMSNorm", mlp_class_name="LLaMAMLP",
    )  # fmt: skip
    model = GPT(config)
    state: dict[str, torch.Tensor] = {}
    copy_weights_hf_llama(config, {}, state, load_file(folder / "model" / "model.safetensors"))
    model.load_state_dict(state)
    return model


class StepTimer:
    """Replaces the scheduler, which litgpt calls after each step; the learning rate stays constant.

    litgpt does not announce epochs: a new one begins once the previous one has had all rows.
    """

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.stopwatch, self.rows = stopwatch, 0

    def count(self, model: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        """Count the rows of a forward pass in training; a pre-hook."""
        if model.training:
            if self.rows == 0 and sum(map(sum, self.stopwatch.counts)) % self.stopwatch.rows == 0:
                self.stopwatch.begin_epoch()
            self.rows += len(inputs[0])

    def step(self) -> None:
        """Note the step."""
        self.stopwatch.step(self.rows)
        self.rows = 0

    def get_last_lr(self) -> list[float]:
        """Return the learning rate, for litgpt's log."""
        return [LEARNING_RATE]


def mean_loss(model: Any, rows: Any) -> float:
    """Return the mean loss in nats of a supervised token, in fp32."""
    total, count = 0.0, 0
    model.eval()
    with torch.inference_mode():
        for row in rows:
            supervised = int((row["labels"][1:] != -100).sum())
            logits = model(row["input_ids"][None])
            loss = chunked_cross_entropy(logits[..., :-1, :], row["labels"][None, 1:])
            total, count = total + float(loss) * supervised, count + supervised
    return total / count


def main(folder: Path, batch_size: int, precision: str, seed: int) -> None:
    """Train with litgpt's own `fit` and print one JSON line."""
    tokens = np.load(folder / "tokens.npz")
    fabric = fabric_package.Fabric(
        accelerator="cpu", devices=1, precision="bf16-mixed" if precision == "bf16" else "32-true"
    )
    fabric.print = lambda *_, **__: None  # type: ignore[method-assign]
    fabric.seed_everything(seed)
    model = fabric.setup(load_model(folder))
    optimizer = fabric.setup_optimizers(
        torch.optim.AdamW(
            model.parameters(), lr=LEARNING_RATE, weight_decay=0.01, betas=(0.9, 0.95), fused=True
        )
    )
    train, held_out = rows_of(tokens, "train"), rows_of(tokens, "held_out")
    timer = StepTimer(Stopwatch(len(train)))
    model.register_forward_pre_hook(timer.count)
    loaders = [
        fabric.setup_dataloaders(DataLoader(rows, batch_size=batch_size, shuffle=shuffle, collate_fn=collate))
        for rows, shuffle in ((train, True), (held_out, False))
    ]
    full.Tokenizer = lambda _: None  # needed only for text printed after an evaluation
    full.fit(
        fabric,
        {"model": model, "optimizer": optimizer, "scheduler": timer, "iter_num": 0, "step_count": 0},
        *loaders, devices=1, resume=False, checkpoint_dir=folder, out_dir=folder, data=None,
        train=TrainArgs(
            save_interval=None, log_interval=1000, global_batch_size=batch_size, micro_batch_size=batch_size,
            epochs=EPOCHS,
        ),
        eval=EvalArgs(interval=10**6, max_iters=1, initial_validation=False, final_validation=False),
    )  # fmt: skip
    # Without Fabric's wrapper, and therefore without bf16.
    print(json.dumps(timer.stopwatch.result(mean_loss(model.module, held_out))))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
