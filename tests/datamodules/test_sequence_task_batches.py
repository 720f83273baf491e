from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.overrides import TorchFunctionMode

from datamodules.texts.rendering import RowStore
from datamodules.tokens.batching import FILLER
from datamodules.tokens.examples import IGNORE_INDEX
from tests.helpers.small_tables import attach_trainer, make_module, write_csv


def test_two_columns_of_a_csv_become_batches(tokenizer: Any, words: str) -> None:
    module = make_module(tokenizer, words)
    module.setup("fit")
    batches = list(module.train_dataloader())
    rows = [index for batch in batches for index in batch["row_index"].tolist()]
    assert sorted(rows) == list(range(module.report["rows"]["train"]))
    first = batches[0]
    text = tokenizer.decode(first["input_ids"][0], skip_special_tokens=True)
    question, answer = text.split(" -> ")
    assert answer == question[1:] + "w"
    supervised = first["input_ids"][0][first["labels"][0] != IGNORE_INDEX]
    assert tokenizer.decode(supervised) == f" {answer}</s>"
    assert "prompt_ids" not in first
    assert "prompt_ids" in next(iter(module.val_dataloader()))


@pytest.mark.pitfall(7)
def test_a_row_too_long_for_the_context_is_dropped_and_not_cut(tokenizer: Any, tmp_path: Path) -> None:
    rows = [["a", "b"], ["x" * 50, "y"], ["x", "y" * 50], ["x", "y"]]
    source = write_csv(tmp_path / "long.csv", rows)
    module = make_module(
        tokenizer, source, input_column="a", output_column="b", max_length=20, val_fraction=0, test_fraction=0
    )
    module.setup("fit")
    (batch,) = list(module.train_dataloader())
    # Cut to 20 tokens, the first row would have no supervised token, and the mean loss of a batch of it is 0/0.
    assert (batch["labels"] != IGNORE_INDEX).any(dim=1).all()
    assert len(batch["row_index"]) == 1
    assert module.report["too_long"] == {"train": 2}


def test_a_format_that_asks_nothing_supervises_the_inputs(tokenizer: Any, words: str, tmp_path: Path) -> None:
    module = make_module(tokenizer, words, format="text", loss_on="all", val_rows=7)
    attach_trainer(module, tmp_path)
    module.setup("fit")
    batch = next(iter(module.train_dataloader()))
    text = tokenizer.decode(batch["input_ids"][0], skip_special_tokens=True)
    assert text.startswith("w")
    real = batch["input_ids"] != tokenizer.pad_token_id
    assert batch["labels"][real].tolist() == batch["input_ids"][real].tolist()
    for row, label in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        tokens = [token for token, aim in zip(row, label, strict=True) if aim != IGNORE_INDEX]
        assert tokens[0] == tokenizer.bos_token_id
        assert tokens[-1] == tokenizer.eos_token_id
    evaluated = list(module.val_dataloader())
    assert sum(len(batch["row_index"]) for batch in evaluated) == 7
    assert not any("prompt_ids" in batch for batch in evaluated)  # nothing to answer, so nothing is generated


@pytest.mark.parametrize(("device", "pins"), [("cuda", True), ("cpu", False), ("mps", False)])
def test_memory_is_pinned_where_it_is_copied_to_a_gpu(
    tokenizer: Any, words: str, tmp_path: Path, device: str, pins: bool
) -> None:
    module = make_module(tokenizer, words)
    attach_trainer(module, tmp_path, device=device)
    module.setup("fit")
    assert [loader.pin_memory for loader in (module.train_dataloader(), module.val_dataloader())] == [
        pins,
        pins,
    ]


class Moves(TorchFunctionMode):
    """Notes how tensors are moved, and moves none: there is no GPU."""

    def __init__(self) -> None:
        self.moved: list[tuple[Tensor, dict[str, Any]]] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is Tensor.to:
            self.moved.append((args[0], {"device": args[1].type, **(kwargs or {})}))
            return args[0]
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("packing", [False, True])
def test_a_batch_goes_to_a_gpu_without_waiting(tokenizer: Any, words: str, packing: bool) -> None:
    """The rest of a batch, numbers such as `prefix_length`, is no hindrance."""
    module = make_module(tokenizer, words, packing=packing)
    module.setup("fit")
    for loader in (module.train_dataloader(), module.val_dataloader()):
        batch = next(iter(loader))
        with Moves() as moves:
            there = LightningModule().transfer_batch_to_device(batch, torch.device("cuda"), 0)
        tensors = [value for value in batch.values() if isinstance(value, Tensor)]
        assert [options for _, options in moves.moved] == [{"device": "cuda", "non_blocking": True}] * len(
            tensors
        )
        assert [id(tensor) for tensor, _ in moves.moved] == [id(tensor) for tensor in tensors]
        assert there.keys() == batch.keys()
        assert {type(value) for value in there.values()} <= {Tensor, int}


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_share_the_training_rows_in_equally_many_batches(
    tokenizer: Any, words: str, tmp_path: Path, world_size: int
) -> None:
    seen: list[int] = []
    steps = set()
    for rank in range(world_size):
        module = make_module(tokenizer, words, val_rows=20)
        attach_trainer(module, tmp_path, world_size, rank)
        module.setup("fit")
        loader = module.train_dataloader()
        steps.add(len(loader))
        seen += [index for batch in loader for index in batch["row_index"].tolist() if index != FILLER]
    assert len(steps) == 1
    assert sorted(seen) == list(range(len(module.data.sides["train"].places)))


def test_batches_differ_from_epoch_to_epoch_and_come_back_with_the_epoch(tokenizer: Any, words: str) -> None:
    def orders(epochs: list[int]) -> list[list[list[int]]]:
        module = make_module(tokenizer, words)
        module.setup("fit")
        loader = module.train_dataloader()
        result = []
        for epoch in epochs:
            loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
            result.append([batch["input_ids"].tolist() for batch in loader])
        return result

    first, second = orders([0, 1])
    assert first != second
    assert orders([1]) == [second]


def test_loaders_leave_the_random_numbers_of_training_alone(tokenizer: Any, words: str) -> None:
    module = make_module(tokenizer, words)
    module.setup("fit")
    before = torch.get_rng_state()
    next(iter(module.train_dataloader()))
    next(iter(module.val_dataloader()))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_preview_marks_what_is_supervised(tokenizer: Any, words: str) -> None:
    module = make_module(tokenizer, words)
    module.setup("fit")
    texts = module.preview(3)
    assert len(texts) == 3
    for text in texts:
        prompt, answer = text.split("\n")[1].split(" ->")
        assert "\u27e6" not in prompt
        assert answer.startswith("\u27e6")
        assert answer.endswith("</s>\u27e7")


def test_the_preview_tokenises_only_what_it_prints(
    tokenizer: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, tokenised = make_module(tokenizer, words), []
    encode = RowStore.encode

    def count(self: RowStore, rows: Any, *args: Any, **kwargs: Any) -> Any:
        tokenised.append(len(rows))
        return encode(self, rows, *args, **kwargs)

    monkeypatch.setattr(RowStore, "encode", count)
    previewed = module.preview(2)
    assert sum(tokenised) == 4  # each once to know its length, and once as epoch 0 has it
    module.setup("fit")
    assert module.preview(2) == previewed
