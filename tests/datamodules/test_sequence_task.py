from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.overrides import TorchFunctionMode
from transformers import AddedToken

from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.tokens.batching import FILLER
from datamodules.tokens.examples import IGNORE_INDEX
from tests.tiny import make_tokenizer

SMILES = [
    "CCO",
    "CC(=O)O",
    "c1ccccc1",
    "CCN",
    "C[C@H](N)C(=O)O",
    "C[C@@H](N)C(=O)O",
    "CCCC",
    "OC1CCCCC1",
    "Cc1ccccc1",
    "CCOCC",
]


def write_csv(path: Path, rows: list[list[str]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return str(path)


@pytest.fixture
def words(tmp_path: Path) -> str:
    return write_csv(
        tmp_path / "words.csv", [["word", "reversed"], *[[f"w{n}", f"{n}w"] for n in range(400)]]
    )


def make(tokenizer: Any, source: str, **options: Any) -> SequenceTaskDataModule:
    defaults: dict[str, Any] = {
        "input_column": "word",
        "output_column": "reversed",
        "format": "arrow",
        "batch_size": 8,
    }
    return SequenceTaskDataModule(tokenizer, source=source, **{**defaults, **options})


def as_trainer(
    data: SequenceTaskDataModule, folder: Path, world_size: int = 1, rank: int = 0, device: str = "cpu"
) -> None:
    data.trainer = SimpleNamespace(
        world_size=world_size,
        global_rank=rank,
        is_global_zero=rank == 0,
        default_root_dir=str(folder),
        strategy=SimpleNamespace(root_device=torch.device(device)),
    )  # type: ignore[assignment]


def test_two_columns_of_a_csv_become_batches(tokenizer: Any, words: str) -> None:
    data = make(tokenizer, words)
    data.setup("fit")
    batches = list(data.train_dataloader())
    rows = [index for batch in batches for index in batch["row_index"].tolist()]
    assert sorted(rows) == list(range(data.report["rows"]["train"]))
    first = batches[0]
    text = tokenizer.decode(first["input_ids"][0], skip_special_tokens=True)
    question, answer = text.split(" -> ")
    assert answer == question[1:] + "w"
    supervised = first["input_ids"][0][first["labels"][0] != IGNORE_INDEX]
    assert tokenizer.decode(supervised) == f" {answer}</s>"
    assert "prompt_ids" not in first
    assert "prompt_ids" in next(iter(data.val_dataloader()))


def test_every_row_is_on_one_side_and_all_are_counted(tokenizer: Any, words: str, tmp_path: Path) -> None:
    data = make(tokenizer, words, val_fraction=0.2, test_fraction=0.1)
    as_trainer(data, tmp_path / "run")
    data.setup("fit")
    data.setup("test")
    sides = {name: set(pool.tolist()) for name, pool in data.pools.items()}
    assert sum(len(rows) for rows in sides.values()) == 400
    assert set.union(*sides.values()) == set(range(400))
    assert data.report["overlap"] == {"train/val": 0, "train/test": 0, "val/test": 0}
    assert json.loads((tmp_path / "run" / "data.json").read_text())["split"] == "identity"


def test_stereoisomers_and_both_directions_stay_together(tokenizer: Any, tmp_path: Path) -> None:
    rows = [[smiles, f"name {n}"] for n, smiles in enumerate(SMILES)]
    source = write_csv(tmp_path / "mols.csv", [["smiles", "iupac"], *rows])
    for split in ("identity", "random", "scaffold", "parent"):
        data = _both(tokenizer, source, split)
        data.setup("fit")
        sides: dict[str, set[str]] = {}
        for side, pool in data.pools.items():
            for row in pool:
                part, place = data.store.locate(int(row))  # type: ignore[union-attr]
                sides.setdefault(part.identities[place], set()).add(side)
        assert all(len(found) == 1 for found in sides.values())
        assert len(sides) == len(SMILES) - 1  # L- and D-alanine are one identity


def test_salts_stay_with_their_molecule_where_asked(tokenizer: Any, tmp_path: Path) -> None:
    acids = [f"{'C' * length}C(=O)O" for length in range(1, 41)]
    salts = [f"{acid[:-1]}[O-].[Na+]" for acid in acids]
    rows = [[smiles, f"name {n}"] for n, smiles in enumerate([*acids, *salts])]
    source = write_csv(tmp_path / "mols.csv", [["smiles", "iupac"], *rows])
    apart = {}
    for split in ("identity", "parent"):
        data = _both(tokenizer, source, split)
        data.setup("fit")
        side = {}
        for name, pool in data.pools.items():
            for row in pool:
                part, place = data.store.locate(int(row))  # type: ignore[union-attr]
                texts = part.inputs if part.task.input.notation == "smiles" else part.outputs
                side[texts[place]] = name
        apart[split] = sum(side[acid] != side[salt] for acid, salt in zip(acids, salts, strict=True))
    assert apart["identity"] > 0
    assert apart["parent"] == 0


def _both(tokenizer: Any, source: str, split: str) -> SequenceTaskDataModule:
    folder = Path(source).parent
    for name, (one, other) in {"to": ("smiles", "iupac"), "back": ("iupac", "smiles")}.items():
        (folder / f"{name}.yaml").write_text(
            f"input: {{column: {one}, notation: {one}}}\noutput: {{column: {other}, notation: {other}}}\n"
        )
    return SequenceTaskDataModule(
        tokenizer,
        task=[str(folder / "to.yaml"), str(folder / "back.yaml")],
        source=source,
        split=split,  # type: ignore[arg-type]
        val_fraction=0.3,
        test_fraction=0.3,
    )


def test_bad_rows_are_set_aside_with_the_reason(tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "mols.csv"
    path.write_bytes(
        b"smiles,name\nCCO,ethanol\nC1CC,broken\n,empty\nCCN,\nCCC,a,b\nCC,\xff\nCCCl,</s>chloroethane\nOCC,ethanol\n"
        + b"C" * 90
        + b",long\n"
    )
    data = SequenceTaskDataModule(
        tokenizer,
        source=str(path),
        input_column="smiles",
        output_column="name",
        max_length=60,
        val_fraction=0,
        test_fraction=0,
    )
    as_trainer(data, tmp_path / "run")
    data.setup("fit")
    assert data.report["rows"]["train"] == 2
    with (tmp_path / "run" / "set_aside.csv").open() as file:
        aside = {int(row["line"]): row["reason"] for row in csv.DictReader(file)}
    assert set(aside) == {3, 4, 5, 6, 7, 8, 10}
    assert data.report["rows"]["train"] + len(aside) == 9
    for line, word in {
        3: "ring",
        4: "empty input",
        5: "empty output",
        6: "3",
        7: "UTF-8",
        8: "special token '</s>'",
        10: "longer",
    }.items():
        assert word in aside[line]
    # Normalised: both ethanols were learned as canonical SMILES.
    assert data.store.parts[0].inputs[:2] == ["CCO", "CCO"]  # type: ignore[union-attr]


@pytest.mark.pitfall(7)
def test_a_row_too_long_for_the_context_is_dropped_and_not_cut(tokenizer: Any, tmp_path: Path) -> None:
    rows = [["a", "b"], ["x" * 50, "y"], ["x", "y" * 50], ["x", "y"]]
    source = write_csv(tmp_path / "long.csv", rows)
    data = make(
        tokenizer, source, input_column="a", output_column="b", max_length=20, val_fraction=0, test_fraction=0
    )
    data.setup("fit")
    (batch,) = list(data.train_dataloader())
    # Cut to 20 tokens, the first row would have no supervised token, and the mean loss of a batch of it is 0/0.
    assert (batch["labels"] != IGNORE_INDEX).any(dim=1).all()
    assert len(batch["row_index"]) == 1
    assert data.report["too_long"] == {"train": 2}


def test_rows_that_are_too_long_make_room_for_others(tokenizer: Any, tmp_path: Path) -> None:
    rows = [["a", "b"], *[["x" * (30 if n % 3 else 1), f"y{n}"] for n in range(300)]]
    source = write_csv(tmp_path / "long.csv", rows)
    options = {
        "input_column": "a",
        "output_column": "b",
        "max_length": 20,
        "val_fraction": 0,
        "test_fraction": 0,
    }
    few, all_rows = (make(tokenizer, source, train_rows=limit, **options) for limit in (40, None))
    for data in (few, all_rows):
        data.setup("fit")
    assert len(few.pools["train"]) == few.report["rows"]["train"] == len(few.encoded["train"]) == 40
    assert few.report["too_long"]["train"] == len(few.set_aside("fit")) < 200
    assert len(all_rows.pools["train"]) == 100
    assert all_rows.report["too_long"]["train"] == 200
    assert (all_rows.pools["train"][:40] == few.pools["train"]).all()


def test_a_missing_column_lists_those_that_exist(tokenizer: Any, words: str) -> None:
    data = make(tokenizer, words, input_column="wrod")
    with pytest.raises(
        ValueError,
        match=r"--data.input_column 'wrod' is not a column of .*words.csv \(columns: word, reversed\).*'word'",
    ):
        data.setup("fit")


def test_nothing_to_train_on_says_why(tokenizer: Any, words: str) -> None:
    with pytest.raises(
        ValueError, match=r"Expected at least one training row, but there is none.*max_length"
    ):
        make(tokenizer, words, max_length=3).setup("fit")


def test_a_table_brings_its_own_split(tokenizer: Any, tmp_path: Path) -> None:
    rows = [[f"w{n}", f"{n}w", side] for n, side in enumerate(["train"] * 6 + ["validation"] * 2 + ["test"])]
    source = write_csv(tmp_path / "given.csv", [["word", "reversed", "fold"], *rows])
    data = make(tokenizer, source, split_column="fold")
    data.setup("fit")
    assert {name: len(pool) for name, pool in data.pools.items()} == {"train": 6, "val": 2, "test": 1}


def test_files_are_their_own_split_and_a_leak_is_said(
    tokenizer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = ["word", "reversed"]
    train = write_csv(tmp_path / "train.csv", [head, *[[f"w{n}", "x"] for n in range(20)]])
    val = write_csv(tmp_path / "val.csv", [head, ["w3", "x"], ["new", "y"]])
    test = write_csv(tmp_path / "test.csv", [head, ["other", "z"]])
    data = make(tokenizer, train, val_source=val, test_source=test)
    data.setup("fit")
    assert {name: len(pool) for name, pool in data.pools.items()} == {"train": 20, "val": 2, "test": 1}
    assert data.report["overlap"]["train/val"] == 1
    assert "shares identities" in caplog.text


def test_subsets_are_nested_and_the_validation_rows_stay(tokenizer: Any, words: str) -> None:
    pools = []
    for rows in (10, 100):
        data = make(tokenizer, words, train_rows=rows, val_rows=7)
        data.setup("fit")
        pools.append(data.pools)
        assert len(data.pools["val"]) == 7
    assert set(pools[0]["train"]) < set(pools[1]["train"])
    assert (pools[0]["val"] == pools[1]["val"]).all()


def weighted(tokenizer: Any, tmp_path: Path, task: str, **options: Any) -> SequenceTaskDataModule:
    source = write_csv(tmp_path / "pairs.csv", [["a", "b"], *[[f"a{n}", f"b{n}"] for n in range(300)]])
    for name, (one, other) in {"x": ("a", "b"), "y": ("b", "a")}.items():
        (tmp_path / f"{name}.yaml").write_text(f"input: {{column: {one}}}\noutput: {{column: {other}}}\n")
    data = SequenceTaskDataModule(tokenizer, task.format(tmp_path), source, batch_size=10, **options)
    data.setup("fit")
    return data


def test_tasks_with_weights(tokenizer: Any, tmp_path: Path) -> None:
    data = weighted(tokenizer, tmp_path, "{0}/x.yaml:3,{0}/y.yaml:1")
    tasks = data.pool_tasks("train")
    drawn = [data.encode_training(epoch)[1] for epoch in range(2)]
    counts = [[int((tasks[rows] == task).sum()) for task in (0, 1)] for rows in drawn]
    assert counts[0][0] == (tasks == 0).sum()
    assert counts[0][1] == pytest.approx(counts[0][0] / 3, abs=1)
    assert counts[0] == counts[1]
    assert set(drawn[0].tolist()) != set(drawn[1].tolist())  # another draw each epoch


def test_tasks_without_weights_show_all_rows(tokenizer: Any, tmp_path: Path) -> None:
    data = weighted(tokenizer, tmp_path, "{0}/x.yaml,{0}/y.yaml")
    assert len(data.encode_training(0)[1]) == len(data.pools["train"])


@pytest.mark.parametrize("tasks", ["{0}/x.yaml:3,{0}/y.yaml:1", "{0}/x.yaml,{0}/y.yaml", "{0}/x.yaml"])
def test_short_epochs_are_drawn_anew(tokenizer: Any, tmp_path: Path, tasks: str) -> None:
    data = weighted(tokenizer, tmp_path, tasks, epoch_rows=40)
    numbers = data.pool_tasks("train")
    drawn = [data.encode_training(epoch)[1] for epoch in range(3)]
    assert all(len(set(rows.tolist())) == len(rows) == 40 for rows in drawn)
    assert data.encode_training(1)[1].tolist() == drawn[1].tolist()
    assert len({row for rows in drawn for row in rows.tolist()}) > 60  # not the same 40 again
    if ":" in tasks:
        assert all(int((numbers[rows] == 1).sum()) == 10 for rows in drawn)
    encoded, rows = data.encode_training(2)
    everything = weighted(tokenizer, tmp_path, tasks)
    store = everything.store
    assert store is not None
    expected = store.encode(everything.pools["train"][rows], 2, everything.max_length)
    assert encoded.ids.tolist() == expected.ids.tolist()


def test_a_format_that_asks_nothing_reads_the_inputs(tokenizer: Any, words: str, tmp_path: Path) -> None:
    data = make(tokenizer, words, format="text", loss_on="all", val_rows=7)
    as_trainer(data, tmp_path)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    text = tokenizer.decode(batch["input_ids"][0], skip_special_tokens=True)
    assert text.startswith("w")
    real = batch["input_ids"] != tokenizer.pad_token_id
    assert batch["labels"][real].tolist() == batch["input_ids"][real].tolist()
    for row, label in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        tokens = [token for token, aim in zip(row, label, strict=True) if aim != IGNORE_INDEX]
        assert tokens[0] == tokenizer.bos_token_id
        assert tokens[-1] == tokenizer.eos_token_id
    evaluated = list(data.val_dataloader())
    assert sum(len(batch["row_index"]) for batch in evaluated) == 7
    assert not any("prompt_ids" in batch for batch in evaluated)  # nothing to answer, so nothing is generated


@pytest.mark.parametrize(("device", "pins"), [("cuda", True), ("cpu", False), ("mps", False)])
def test_memory_is_pinned_where_it_is_copied_to_a_gpu(
    tokenizer: Any, words: str, tmp_path: Path, device: str, pins: bool
) -> None:
    data = make(tokenizer, words)
    as_trainer(data, tmp_path, device=device)
    data.setup("fit")
    assert [loader.pin_memory for loader in (data.train_dataloader(), data.val_dataloader())] == [pins, pins]


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
    data = make(tokenizer, words, packing=packing)
    data.setup("fit")
    for loader in (data.train_dataloader(), data.val_dataloader()):
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
def test_ranks_share_the_rows(tokenizer: Any, words: str, tmp_path: Path, world_size: int) -> None:
    seen: list[int] = []
    steps = set()
    for rank in range(world_size):
        data = make(tokenizer, words, val_rows=20)
        as_trainer(data, tmp_path, world_size, rank)
        data.setup("fit")
        loader = data.train_dataloader()
        steps.add(len(loader))
        seen += [index for batch in loader for index in batch["row_index"].tolist() if index != FILLER]
    assert len(steps) == 1
    assert sorted(seen) == list(range(len(data.pools["train"])))


def test_epochs_differ_and_come_back(tokenizer: Any, words: str) -> None:
    def orders(epochs: list[int]) -> list[list[list[int]]]:
        data = make(tokenizer, words)
        data.setup("fit")
        loader = data.train_dataloader()
        result = []
        for epoch in epochs:
            loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
            result.append([batch["input_ids"].tolist() for batch in loader])
        return result

    first, second = orders([0, 1])
    assert first != second
    assert orders([1]) == [second]


def test_predict_keeps_each_line(tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("name,smiles\nx,OCC\ny,C1CC\nz,c1ccccc1\n,CCN\n")
    data = SequenceTaskDataModule(tokenizer, task="smiles_to_iupac", predict_path=str(path))
    data.setup("predict")
    assert [data.row("predict", index).line for index in range(3)] == [2, 4, 5]
    assert data.row("predict", 0).input == "OCC"
    assert data.row("predict", 0).target is None
    assert [(row.line, "ring" in row.reason) for row in data.set_aside("predict")] == [(3, True)]
    (batch,) = list(data.predict_dataloader())
    assert sorted(batch["row_index"].tolist()) == [0, 1, 2]


def test_predict_needs_a_file_and_one_task(tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--data.predict_path"):
        SequenceTaskDataModule(tokenizer).setup("predict")
    (tmp_path / "x.csv").write_text("smiles\n")
    with pytest.raises(ValueError, match=r"x.csv: expected at least one row below the header"):
        SequenceTaskDataModule(tokenizer, predict_path=str(tmp_path / "x.csv")).setup("predict")
    (tmp_path / "x.csv").write_text("smiles\nCCO\n")
    tasks = "smiles_to_iupac,smiles_to_formula"
    data = SequenceTaskDataModule(tokenizer, task=tasks, predict_path=str(tmp_path / "x.csv"))
    with pytest.raises(ValueError, match=r"choose with --data.task: smiles_to_iupac .*smiles_to_formula"):
        data.setup("predict")


def test_predict_asks_the_task_whose_column_the_file_has(tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("iupac\nethanol\n")
    both = "smiles_to_iupac,iupac_to_smiles"
    data = SequenceTaskDataModule(tokenizer, task=both, predict_path=str(tmp_path / "x.csv"))
    data.setup("predict")
    assert data.predict_store is not None
    assert [part.task.name for part in data.predict_store.parts] == ["iupac_to_smiles"]


def test_the_preview_marks_what_is_supervised(tokenizer: Any, words: str) -> None:
    data = make(tokenizer, words)
    data.setup("fit")
    texts = data.preview(3)
    assert len(texts) == 3
    for text in texts:
        prompt, answer = text.split("\n")[1].split(" ->")
        assert "\u27e6" not in prompt
        assert answer.endswith("\u27e6</s>\u27e7")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, r"Expected --data.batch_size to be at least 1, but got 0"),
        ({"max_length": 1}, r"--data.max_length"),
        ({"shots": -1}, r"--data.shots"),
        ({"train_rows": 0}, r"--data.train_rows"),
        ({"epoch_rows": 0}, r"--data.epoch_rows"),
        ({"format": "text"}, r"format text asks nothing, so it needs --data.loss_on all"),
        ({"format": "text", "loss_on": "all", "shots": 1}, r"and --data.shots 0"),
        ({"split": "scaffold"}, r"needs a task with molecules"),
        ({"val_fraction": 0.9, "test_fraction": 0.3}, r"add up to less than 1"),
        ({"source": "nowhere.csv"}, r"nowhere.csv"),
    ],
)
def test_wrong_flags(tokenizer: Any, words: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(tokenizer, options.pop("source", words), **options).setup("fit")


def test_the_context_of_the_base_is_the_limit(tokenizer_of: Callable[..., Any], words: str) -> None:
    tokenizer = tokenizer_of()
    tokenizer.model_max_length = 64
    with pytest.raises(ValueError, match="at most the base's context of 64 tokens, but got 65"):
        make(tokenizer, words, max_length=65)


def read_aside(data: SequenceTaskDataModule) -> list[tuple[int, str, str]]:
    return [(row.line, row.reason, row.task) for row in data.set_aside("fit")]


def own_data(folder: Path, name: str, text: str, **options: Any) -> SequenceTaskDataModule:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    options = {"input_column": "smiles", "output_column": "name", "format": "arrow", **options}
    data = SequenceTaskDataModule(make_tokenizer(), source=str(path), max_length=100, **options)
    data.setup("fit")
    return data


def test_a_row_whose_split_cell_says_nothing_is_set_aside(tmp_path: Path) -> None:
    table = "smiles,name,split\nC,methane,train\nCC,ethane,\nCCC,propane,Validation\nCCO,ethanol,maybe\nCN,x,test\n"
    data = own_data(tmp_path, "own.csv", table, split_column="split")
    assert read_aside(data) == [
        (3, "split column: '' is not train, val or test", "smiles_to_name"),
        (5, "split column: 'maybe' is not train, val or test", "smiles_to_name"),
    ]
    assert data.report["usable"] == {"train": 1, "val": 1, "test": 1}
    [kept] = data.report["kept"]
    assert (kept["total"], kept["kept"], kept["set_aside"]) == (5, 3, 2)


def test_a_split_column_without_any_side_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train, val or test, but .*own.csv: split holds 'a'"):
        own_data(tmp_path, "own.csv", "smiles,name,split\nC,methane,a\nCC,ethane,b\n", split_column="split")


def test_other_inputs_are_checked_like_the_first(tmp_path: Path) -> None:
    rows = [["OCC", "CCO", "NOT A SMILES", "", "C(C)O"], ["C"], ["CC", "C-C"]]
    lines = "".join(
        json.dumps({"smiles": cell, "name": f"n{place}"}) + "\n" for place, cell in enumerate(rows)
    )
    data = own_data(tmp_path, "own.jsonl", lines, val_fraction=0.0, test_fraction=0.0)
    assert data.store is not None
    [part] = data.store.parts
    assert [part.alternatives[row] for row in range(3)] == [["CCO", "CCO"], [], ["CC"]]


def test_rows_without_an_identity_of_the_table_get_their_own(tmp_path: Path) -> None:
    table = (
        "smiles,iupac,inchikey\nC,methane,\nCC,ethane,\nCCO,ethanol,LFQSCWFLJHTTHZ-UHFFFAOYSA-N\nC,carbane,\n"
    )
    data = own_data(tmp_path, "own.csv", table, input_column=None, output_column=None, task="smiles_to_iupac")
    assert data.store is not None
    [part] = data.store.parts
    assert list(part.identities) == ["VNWKTOKETHGBQD", "OTMSDBZUPAUEDD", "LFQSCWFLJHTTHZ", "VNWKTOKETHGBQD"]


def test_without_a_usable_row_the_error_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"none\. .*Set aside: 2 smiles: unclosed ring.*own.csv, line 2: smiles: unclosed"
    ):
        own_data(tmp_path, "own.csv", "smiles,name\nC1CC,a\nC1C,b\n")


def test_each_task_tells_its_own_count(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("smiles,iupac,formula\nC,methane,CH4\nC1C,x,C2\nCCO,ethanol,C2H6O\n")
    data = SequenceTaskDataModule(
        make_tokenizer(),
        task="smiles_to_formula,iupac_to_smiles",
        source=str(path),
        format="arrow",
        max_length=100,
    )
    data.setup("fit")
    for kept in data.report["kept"]:
        assert kept["kept"] + kept["set_aside"] == kept["total"] == 3
    assert {row.task for row in data.set_aside("fit")} == {"smiles_to_formula", "iupac_to_smiles"}


def in_epoch(data: SequenceTaskDataModule, started: int, processed: int, completed: int) -> None:
    """Let the data module's trainer stand after some batches of an epoch."""
    data.trainer.fit_loop = SimpleNamespace(  # type: ignore[union-attr]
        epoch_progress=SimpleNamespace(current=SimpleNamespace(started=started, processed=processed)),
        epoch_loop=SimpleNamespace(
            batch_progress=SimpleNamespace(current=SimpleNamespace(completed=completed))
        ),
    )


@pytest.mark.pitfall(19)
@pytest.mark.parametrize(("world_size", "rank"), [(1, 0), (2, 1)])
def test_a_run_goes_on_with_the_batches_that_the_epoch_has_left(
    tokenizer: Any, words: str, tmp_path: Path, world_size: int, rank: int
) -> None:
    def rows(data: SequenceTaskDataModule, epoch: int) -> list[list[int]]:
        loader = data.train_dataloader()
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        return [batch["row_index"].tolist() for batch in loader]

    data = make(tokenizer, words)
    as_trainer(data, tmp_path, world_size, rank)
    data.setup("fit")
    third = rows(data, 2)
    in_epoch(data, started=3, processed=2, completed=5)
    again = make(tokenizer, words, num_workers=1)
    as_trainer(again, tmp_path, world_size, rank)
    again.setup("fit")
    again.load_state_dict(data.state_dict())
    assert rows(again, 2) == third[5:]
    assert len(again.train_dataloader()) == len(third)


def test_between_two_epochs_nothing_is_left_out(tokenizer: Any, words: str, tmp_path: Path) -> None:
    data = make(tokenizer, words)
    as_trainer(data, tmp_path)
    data.setup("fit")
    in_epoch(data, started=3, processed=3, completed=40)
    assert data.state_dict() == {
        "epoch": 3,
        "batches": 0,
        "rows": len(data.pools["train"]),
        "batch_size": 8,
        "ranks": 1,
        "seed": data.seed,
        "packing": 0,
        "epoch_rows": 0,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 4},
        {"train_rows": 100},
        {"ranks": 2},
        {"seed": 9},
        {"packing": True},
        {"epoch_rows": 90},
    ],
)
def test_batches_of_another_shape_cannot_be_gone_on_with_within_an_epoch(
    tokenizer: Any, words: str, tmp_path: Path, changes: dict[str, int]
) -> None:
    data = make(tokenizer, words)
    as_trainer(data, tmp_path)
    data.setup("fit")
    in_epoch(data, started=1, processed=0, completed=5)
    ranks = changes.pop("ranks", 1)
    other = make(tokenizer, words, **changes)
    as_trainer(other, tmp_path, ranks)
    other.setup("fit")
    other.load_state_dict(data.state_dict())
    with pytest.raises(ValueError, match=r"in the middle of epoch 0, after 5 batches .* best\.ckpt"):
        other.train_dataloader()
    other.load_state_dict({**data.state_dict(), "batches": 0})
    other.train_dataloader()


def test_loaders_leave_the_random_numbers_of_training_alone(tokenizer: Any, words: str) -> None:
    data = make(tokenizer, words)
    data.setup("fit")
    before = torch.get_rng_state()
    next(iter(data.train_dataloader()))
    next(iter(data.val_dataloader()))
    assert torch.equal(torch.get_rng_state(), before)


def test_what_was_decided_about_a_file_is_told_once_and_kept(
    tokenizer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mols.smi"
    path.write_bytes("OCC grün\nCCN amine\nCCC prop\n".encode("cp1252"))
    options = {"input_column": "smiles", "output_column": "title", "val_fraction": 0, "test_fraction": 0}
    for _ in range(2):  # the second time out of the cache
        data = make(tokenizer, str(path), cache_dir=str(tmp_path / "cache"), **options)
        data.cache.least_rows = 0
        data.read()
        told = [line for line in caplog.messages if str(path) in line]
        caplog.clear()
        assert len(told) == 2
        assert "read as cp1252" in told[0]
        assert "--data.encoding" in told[0]
        assert "no header line" in told[1]
        assert "--data.header true" in told[1]
        assert data.report["notes"] == {str(path): [line.split(": ", 1)[1].rstrip(".") for line in told]}
    assert sorted(data.prepared.parts[0].outputs) == ["amine", "grün", "prop"]  # type: ignore[union-attr]


def test_header_and_encoding_are_flags_of_every_table(tokenizer: Any, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.tsv" for name in ("train", "val", "new")]
    for path in paths:
        path.write_bytes("жизнь\tьнзиж\nцифиш\tшифиц\n".encode("cp1251"))
    options = {"input_column": "column_1", "output_column": "column_2", "header": False, "encoding": "cp1251"}
    options |= {"val_source": str(paths[1]), "val_fraction": 0, "test_fraction": 0, "max_length": 200}
    data = make(tokenizer, str(paths[0]), predict_path=str(paths[2]), **options)
    data.setup("fit")
    data.setup("predict")
    assert {stage: data.num_rows(stage) for stage in ("val", "predict")} == {"val": 2, "predict": 2}
    assert data.row("predict", 0).input == "жизнь"
    with pytest.raises(ValueError, match=r"Expected --data\.encoding to be auto or an encoding"):
        make(tokenizer, str(paths[0]), encoding="cp999999")


def test_a_column_that_is_missing_says_what_was_decided(tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "mols.tsv").write_text("CCO\tm1\nCCN\tm2\n")
    data = make(tokenizer, str(tmp_path / "mols.tsv"), input_column="smiles", output_column="id")
    with pytest.raises(
        ValueError, match=r"columns: column_1, column_2\).* Note: no header line .*--data\.header true"
    ):
        data.read()


def test_no_cell_holds_a_control_token_of_the_base(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_tokens([AddedToken("<|fim|>", special=True), AddedToken("<x>", special=False)])
    assert "<|fim|>" not in tokenizer.all_special_tokens
    rows = [["a", "b"], ["1 <|fim|>", "1"], ["2", "</s>2"], ["3 <x>", "3"]]
    source = write_csv(tmp_path / "rows.csv", rows)
    data = make(
        tokenizer, source, input_column="a", output_column="b", val_fraction=0, test_fraction=0, max_length=50
    )
    data.read()
    assert {item.line: item.reason for item in data.set_aside("fit")} == {
        2: "a: input holds the special token '<|fim|>'", 3: "b: output holds the special token '</s>'",
    }  # fmt: skip
