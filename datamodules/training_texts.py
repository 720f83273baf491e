"""Write the texts that a configuration trains on, for a tokenizer: `python -m datamodules.training_texts --out texts.jsonl`.

Only rows of the training side, drawn and spelled as in one epoch; a JSON string a line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from configs.lookup import CONFIGS, load_yaml
from datamodules.cache import DataCache, default_folder
from datamodules.formats import load_format
from datamodules.prepared import prepare
from datamodules.rendering import RowStore
from datamodules.splits import TRAIN
from datamodules.stage_rows import SplitSettings
from datamodules.tasks import choose_tasks
from datamodules.training_batches import choose_epoch_rows


def training_texts(data: Mapping[str, Any], epoch: int = 0) -> Iterator[str]:
    """Yield prompt and completion of each training row of an epoch, as one text.

    Args:
        data: Flags of `SequenceTaskDataModule`: `task`, `format` and `source` count.
        epoch: The epoch.
    """
    tasks, weights = choose_tasks(data.get("task"))
    prepared = prepare(tasks, data.get("source"), SplitSettings(), [], DataCache(default_folder()))
    rows = prepared.order[prepared.sides[prepared.order] == TRAIN]
    names = [part.task.name for part in prepared.parts]
    task_of = np.repeat(
        [[task.name for task in tasks].index(name) for name in names], list(map(len, prepared.parts))
    )
    chosen = rows[choose_epoch_rows(task_of[rows], weights, 0, epoch)]
    store = RowStore(prepared.parts, load_format(data.get("format", "question_answer")), None)
    for prompt, completion in zip(*store.texts(chosen, epoch), strict=True):
        yield prompt + completion


def main(argv: list[str] | None = None) -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--config",
        type=Path,
        default=CONFIGS / "pretrain.yaml",
        help="configuration whose `data:` says what is trained on",
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write, a JSON string a line")
    arguments = parser.parse_args(argv)
    count = 0
    with arguments.out.open("w", encoding="utf-8") as file:
        for text in training_texts(load_yaml(arguments.config)["data"]):
            file.write(json.dumps(text, ensure_ascii=False) + "\n")
            count += 1
    sys.stdout.write(f"{count} texts written to {arguments.out}\n")


if __name__ == "__main__":
    main()
