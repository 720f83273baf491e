"""Typical mistakes on the command line, and what each is told."""

from __future__ import annotations

import csv
import gzip
import shlex
from pathlib import Path
from typing import NamedTuple

from tests.helpers.runs import write_tiny_base

TINY = (
    "--model.base tiny.yaml --data.source words.csv --data.input_column word --data.output_column back --data.val_fraction 0.2 "
    "--data.test_fraction 0.2 --trainer.max_epochs 1 --trainer.enable_progress_bar false"
)
AB = "--data.input_column a --data.output_column b"
WORDS = "--data.input_column word --data.output_column back"


class Mistake(NamedTuple):
    """A command line with a mistake."""

    line: str
    told: str
    """Part of the line that it ends with."""
    status: int = 1
    seconds: float = 0.3
    """Processor time that is enough: more than 0.3 where a table or PyTorch has to be loaded."""


USAGE = [
    ("", "Expected a subcommand: fit, validate, test, predict, show"),
    ("tset", "Did you mean 'test'?"),
    ("--data.batch_size 4 fit", "Expected a subcommand (fit, validate, test, predict, show) before the flags"),
    ("fit --data.batchsize 4", "Did you mean --data.batch_size?"),
    ("fit --lr 1e-4", "Did you mean --model.optimizer.lr?"),
    ("fit --epochs 3", "Did you mean --trainer.max_epochs?"),
    ("fit --model.peft.ranks 8", "Did you mean --model.peft.rank?"),
    ("fit --model.optimizer.weight_decy 0", "Did you mean --model.optimizer.weight_decay?"),
    ("fit --model.optimizer adamw", "Did you mean 'AdamW'?"),
    ("fit --model.peft LoRA", "such as --model.peft.method, or null, but got 'LoRA'"),
    ("fit --trainer.callbacks+=EarlyStoping", "Did you mean 'EarlyStopping'?"),
    ("fit --trainer.callbacks+=EarlyStopping --trainer.callbacks.moniter x", "Did you mean --trainer.callbacks.monitor?"),
    ("fit --trainer.callbacks+=EarlyStopping", "EarlyStopping needs monitor: add --trainer.callbacks.monitor headline"),
    ("fit --model.scheduler CosineAnnealing", "Did you mean 'CosineAnnealingLR'?"),
    ("fit --model.scheduler CosineAnnealingLR", "needs T_max: add --model.scheduler.T_max"),
    ("test --ckpt last", "Did you mean --ckpt_path?"),
    ("fit --data.loss_on nothing", "Expected --data.loss_on to be completion, answers or all, but got 'nothing'"),
    ("fit --model.init rand", "Did you mean 'random'?"),
    ("fit --trainer.precision bf17", "Did you mean 'bf16'?"),
    ("fit --data.batch_size four", "Expected --data.batch_size to be a whole number, but got 'four'"),
    ("fit --data.batch_size 4.5", "a whole number, but got '4.5'"),
    ("fit --data.packing maybe", "Expected --data.packing to be true or false, but got 'maybe'"),
    ("fit --data.val_fraction half", "Expected --data.val_fraction to be a number, but got 'half'"),
    ("fit --data.batch_size", "Expected a value after --data.batch_size"),
    ("fit -data.batch_size 4", "Did you mean --data.batch_size?"),
    ("fit data.batch_size=4", "Did you mean --data.batch_size=4?"),
    ("fit words.csv", "Did you mean --data.source words.csv?"),
    ("fit --config missing.yaml", "there is no file missing.yaml"),
    ("fit --config folder", "folder is a folder"),
    ("fit --config bad.yaml", "bad.yaml: expected a YAML file, but it cannot be read (line 2"),
    ("fit --config list.yaml", "list.yaml: expected settings"),
    ("fit --config binary.yaml", "binary.yaml: expected a YAML file in UTF-8"),
    ("fit --config key.yaml", "key.yaml: unknown key 'data.batchsize'. Did you mean data.batch_size?"),
    ("fit --config group.yaml", "group.yaml: unknown key 'modle'"),
    ("fit --config type.yaml", "Expected data.batch_size in type.yaml to be a whole number, but got 'many'"),
]  # fmt: skip
VALUES = [
    ("fit --data.batch_size 0", "Expected --data.batch_size to be at least 1, but got 0"),
    ("fit --data.num_workers -1", "Expected --data.num_workers to be at least 0, but got -1"),
    ("fit --data.max_length 0", "Expected --data.max_length to be at least 2, but got 0"),
    ("fit --data.train_rows 0", "Expected --data.train_rows to be at least 1, but got 0"),
    ("fit --data.split_seed -1", "Expected --data.split_seed to be at least 0, but got -1"),
    ("fit --seed_everything -1", "Expected --seed_everything to be from 0 to"),
    ("fit --data.val_fraction 1.5", "add up to less than 1, but got 1.5 and 0.05"),
    ("fit --trainer.max_epochs 0", "Expected --trainer.max_epochs to be at least 1, or -1 for no limit, but got 0"),
    ("fit --trainer.val_check_interval nonsense", "but got 'nonsense'"),
    ("fit --trainer.accumulate_grad_batches 0", "Expected --trainer.accumulate_grad_batches to be at least 1"),
    ("fit --trainer.gradient_clip_val -1", "Expected --trainer.gradient_clip_val to be at least 0"),
    ("fit --trainer.limit_val_batches 2.5", "Expected --trainer.limit_val_batches to be a share"),
    ("fit --trainer.max_time soon", "Expected --trainer.max_time to be DD:HH:MM:SS"),
    ("fit --trainer.devices x", "Expected --trainer.devices to be a number, auto, or a list such as 0,1"),
    ("fit --trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor val/los", "Did you mean val/loss?"),
    (
        "fit --trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor val/loss --trainer.callbacks.mode maxx",
        "Did you mean 'max'?",
    ),
    ("fit --model.peft.rank 1.5", "Expected --model.peft.rank to be a whole number of at least 1, but got 1.5"),
    ("fit --trainer.devices 0", "Expected --trainer.devices to be at least 1"),
    ("fit --trainer.accelerator gpuu", "Did you mean 'gpu'?"),
    ("fit --trainer.strategy fsdp", "--trainer.strategy fsdp is refused"),
    ("fit --model.optimizer.lr 0", "Expected --model.optimizer.lr to be above 0, but got 0"),
    ("fit --model.optimizer.lr -1", "Expected --model.optimizer.lr to be above 0, but got -1"),
    ("fit --model.optimizer.betas [2,3]", "Expected --model.optimizer.betas to be two numbers in [0, 1)"),
    ("fit --model.peft.rank 0", "Expected --model.peft.rank to be a whole number of at least 1, but got 0"),
    ("fit --model.warmup_fraction 2", "Expected --model.warmup_fraction to be in [0, 1]"),
    ("fit --model.generation.max_new_tokens 0", "max_new_tokens to be at least 1, but got 0"),
    ("fit --config unset.yaml", "Expected --model.optimizer to be a class such as AdamW, but got null"),
    ("fit --model.base opt125m", "Did you mean 'opt-125m'?"),
    ("fit --model.add_tokens smilez", "Did you mean 'smiles'?"),
    ("fit --data.format alpacca", "Did you mean 'alpaca'?"),
    ("fit --data.input_notation smile", "Did you mean 'smiles'?"),
    ("fit --data.encoding utf9", "but got 'utf9'"),
    ("fit --name ''", "Expected --name to be letters, digits"),
    ("fit --name ../x", "Expected --name to be letters, digits"),
    ("test --ckpt_path nope.ckpt", "--ckpt_path 'nope.ckpt' is not a file and no run's folder"),
    ("test --ckpt_path folder", "this folder holds neither best.ckpt nor last.ckpt"),
    ("test --ckpt_path cut.ckpt", "expected a checkpoint, but it was cut off"),
    ("test --ckpt_path text.ckpt", "expected a checkpoint, but it is another kind of file"),
    ("test --ckpt_path last", "there is no run in runs to go on with"),
    ("predict", "--data.predict_path mols.csv"),
]  # fmt: skip
TABLES = [
    ("fit --data.task smiles_to_iupc", "Did you mean 'smiles_to_iupac'?"),
    (f"fit --data.source nope.csv {AB}", "No source 'nope.csv'"),
    (f"fit --data.source word.csv {AB}", "Did you mean 'words.csv'?"),
    ("fit --data.source folder", "Expected a table, but 'folder' is a folder"),
    ("fit --data.source table.foo", "table.foo: expected a file that ends in .csv"),
    (f"fit --data.source empty.csv {AB}", "empty.csv: expected a table, but the file is empty"),
    (f"fit --data.source header.csv {WORDS}", "expected at least one row below the header"),
    ("fit --data.source words.csv --data.input_column wrod --data.output_column back", "Did you mean 'Word'?"),
    ("fit --data.source words.csv --data.input_column word --data.output_column bakc", "Did you mean 'back'?"),
    ("fit --data.source words.csv.gz --data.input_column wrod --data.output_column back", "Did you mean 'Word'?"),
    (f"fit {TINY} --data.split_column sid", "--data.split_column 'sid' is not a column of words.csv"),
    (f"fit {TINY} --data.val_source nope.csv", "No source 'nope.csv'"),
    (f"fit {TINY} --data.cache_dir words.csv", "Expected --data.cache_dir to be a folder, but words.csv is a file"),
    ("predict --data.predict_path nope.csv", "No source 'nope.csv'"),
    ("predict --data.predict_path header.csv", "expected at least one row below the header"),
]  # fmt: skip
DEVICES = [
    (f"fit {TINY} --trainer.accelerator gpu", "--trainer.accelerator gpu: expected a GPU"),
    (
        f"fit {TINY} --trainer.accelerator cpu --trainer.devices 100000",
        "--trainer.devices 100000: expected at most",
    ),
]
MISTAKES = [
    *(Mistake(line, told, 2) for line, told in USAGE),
    *(Mistake(line, told) for line, told in VALUES),
    *(Mistake(line, told, seconds=1) for line, told in TABLES),
    *(Mistake(line, told, seconds=3) for line, told in DEVICES),
]


def make_files(folder: Path) -> None:
    """Write the files that the command lines name."""
    write_tiny_base(folder)
    rows = [("Word", "back"), *((word, word[::-1]) for word in ("abc", "bcd", "cde", "def", "efg"))]
    with (folder / "words.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    (folder / "words.csv.gz").write_bytes(gzip.compress((folder / "words.csv").read_bytes()))
    (folder / "header.csv").write_text("word,back\n")
    (folder / "empty.csv").touch()
    (folder / "table.foo").write_text("a,b\n1,2\n")
    (folder / "folder").mkdir()
    (folder / "bad.yaml").write_text("a: [1, 2\nb: }")
    (folder / "list.yaml").write_text("- a\n- b\n")
    (folder / "binary.yaml").write_bytes(bytes(range(128, 256)))
    (folder / "key.yaml").write_text("data:\n  batchsize: 4\n")
    (folder / "group.yaml").write_text("modle:\n  base: gpt2\n")
    (folder / "unset.yaml").write_text("model:\n  optimizer:\n")
    (folder / "type.yaml").write_text("data:\n  batch_size: many\n")
    (folder / "text.ckpt").write_text("hello")
    (folder / "cut.ckpt").write_bytes(b"PK\x03\x04" + bytes(1000))


def split(mistake: Mistake) -> list[str]:
    """Return the arguments of a command line."""
    return shlex.split(mistake.line)
