"""`train.py` with something going wrong on one rank: the words of $DISTURB say what, where and when.

`nan 1 7`: the loss of rank 1's 7th micro-batch with rows is NaN. Also `inf`, `-inf`, `gradient` (the gradients are NaN, the
loss is not), `raise` (an error), `exit` (the process ends at once with code 7), `kill` (SIGKILL). A fourth word,
`validation`, makes it the 7th batch of the validation.

What happened is left in the working folder: `disturbed.json`, and `trace_RANK.jsonl` with a hash of all weights and of the
optimizer's state after each micro-batch.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

if __name__ == "__main__":
    sys.path.insert(
        0, str(Path(__file__).resolve().parents[2])
    )  # run by its path, also by Lightning's launcher

import torch

import train
from lightning_modules.causal_lm import CausalLM


@contextmanager
def disturbed(what: str, rank: str, number: str, stage: str = "training") -> Iterator[None]:
    """Let something go wrong in one step of CausalLM."""
    name = f"{stage}_step"
    plain, seen = getattr(CausalLM, name), [0]

    def step(self: CausalLM, batch: dict[str, Any], batch_idx: int) -> Any:
        result = plain(self, batch, batch_idx)
        rows = batch["row_index"].tolist()
        seen[0] += max(rows) >= 0  # a filler's loss is empty: no gradient of it would reach the weights
        if self.trainer.global_rank != int(rank) or seen[0] != int(number) or max(rows) < 0:
            return result
        where = {"rank": int(rank), "batch": batch_idx, "rows": rows, "at": time.time()}
        Path("disturbed.json").write_text(json.dumps(where))
        if what == "raise":
            raise RuntimeError("something went wrong on this rank")
        if what == "exit":
            os._exit(7)
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "gradient":
            result.register_hook(lambda gradient: gradient * float("nan"))
            return result
        self._window.sums[0] += float(what)
        return result * float(what)

    with mock.patch.object(CausalLM, name, step):
        yield


def digest(module: CausalLM) -> tuple[str, bool]:
    """Return a hash of the weights and the optimizer's state, and whether all of them are finite."""
    state = module.trainer.optimizers[0].state_dict()["state"]
    tensors = [*module.state_dict().values()]
    tensors += [value for key in sorted(state) for value in state[key].values() if torch.is_tensor(value)]
    sha = hashlib.sha256()
    for tensor in tensors:
        sha.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()[:16], all(bool(tensor.isfinite().all()) for tensor in tensors)


@contextmanager
def traced() -> Iterator[None]:
    """Write down each rank's weights after each micro-batch."""

    def write(self: CausalLM, *_: Any) -> None:
        line = dict(zip(("hash", "finite"), digest(self), strict=True))
        with Path(f"trace_{self.trainer.global_rank}.jsonl").open("a") as file:
            file.write(json.dumps({"step": self.trainer.global_step, **line}) + "\n")

    with mock.patch.object(CausalLM, "on_train_batch_end", write):
        yield


if __name__ == "__main__":
    if "DISTURB" in os.environ:
        with disturbed(*os.environ["DISTURB"].split()), traced():
            train.main()
    else:
        train.main()
