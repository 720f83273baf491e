"""Write the texts that a configuration trains on: `python -m datamodules.texts.training_texts --out texts.jsonl`.

The file holds one JSON string per line, and only rows of the training side, drawn and spelled as in one epoch.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.lookup import CONFIGS, find_cache_root, load_yaml
from datamodules.flag_tasks import choose_tasks
from datamodules.formats import load_format
from datamodules.rows.prepare import prepare
from datamodules.rows.read_and_split import SplitSettings
from datamodules.sources.tables.options import TableOptions
from datamodules.splits import TRAIN, VAL
from datamodules.storage.cache import DataCache
from datamodules.texts.augmentation import BASE
from datamodules.texts.rendering import RowStore
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.tokens.epoch_batches import choose_epoch_rows

_SPLIT = ("split", "val_fraction", "test_fraction", "split_seed")


class Texts:
    """The texts of a configuration: each row's prompt and completion as one text.

    Args:
        data: Flags of `TaskData`; only `task`, `source`, `format`, `seed` and the flags of the split have an effect.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.tasks, self.weights = choose_tasks(data.get("task"))
        settings = SplitSettings(**{name: data[name] for name in _SPLIT if name in data})
        options = TableOptions(**{name: data[name] for name in ("header", "encoding") if name in data})
        cache = DataCache(find_cache_root())
        prepared = prepare(self.tasks, data.get("source"), settings, ControlTokens(), cache, options=options)
        names = [task.name for task in self.tasks]
        numbers = [names.index(part.task.name) for part in prepared.parts]
        self.seed, self.order, self.sides = int(data.get("seed", 0)), prepared.order, prepared.sides
        self.task_of = np.repeat(numbers, [len(part) for part in prepared.parts])
        form = load_format(data.get("format", "question_answer"))
        self.store = RowStore(prepared.parts, form, None, seed=self.seed)

    def train(self, epoch: int = 0) -> Iterator[str]:
        """Yield an epoch's training texts."""
        rows = self.order[self.sides[self.order] == TRAIN]
        chosen = rows[choose_epoch_rows(self.task_of[rows], self.weights, self.seed, epoch)]
        yield from self._texts(chosen, epoch)

    def held_out(self, most: int) -> dict[str, list[str]]:
        """Return up to `most` validation texts of each task, by its name."""
        rows = self.order[self.sides[self.order] == VAL]
        return {
            task.name: list(self._texts(rows[self.task_of[rows] == number][:most], BASE))
            for number, task in enumerate(self.tasks)
        }

    def _texts(self, rows: NDArray[np.int64], epoch: int) -> Iterator[str]:
        for prompt, completion in zip(*self.store.texts(rows, epoch), strict=True):
            yield prompt + completion


def main(argv: list[str] | None = None) -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--config",
        type=Path,
        default=CONFIGS / "pretrain.yaml",
        help="configuration whose `data:` section defines the training data",
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write, one JSON string per line")
    arguments = parser.parse_args(argv)
    count = 0
    with arguments.out.open("w", encoding="utf-8") as file:
        for text in Texts(load_yaml(arguments.config)["data"]).train():
            file.write(json.dumps(text, ensure_ascii=False) + "\n")
            count += 1
    sys.stdout.write(f"{count} texts written to {arguments.out}\n")


if __name__ == "__main__":
    main()
