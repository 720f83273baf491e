"""An exported folder answers as its run does: by prompt, by chat and by a pipeline, in transformers 4 and 5."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.release.bundled import BUNDLED
from bench.release.exports import WAYS, record
from datamodules.sources.shipped import PUBCHEM
from datamodules.texts.asking import load_asking
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.decoder.decoders import load_tokenizer
from tests.helpers.runs import PROJECT, command, read_csv, write_tiny_base

OLDER = Path(
    os.environ.get("PATOIS_TRANSFORMERS_4", str(PROJECT / ".venv" / "transformers4" / "bin" / "python"))
)
"""A Python with transformers 4.57; `make transformers4` makes one."""
PYTHONS = [
    pytest.param(Path(sys.executable), id="5"),
    pytest.param(
        OLDER,
        id="4",
        marks=pytest.mark.skipif(not OLDER.is_file(), reason="make transformers4 makes the environment"),
    ),
]
ROWS = int(os.environ.get("PATOIS_EXPORT_ROWS", "12"))
"""Rows asked of each export; docs/results/exports.md is of 100."""
RECORD = os.environ.get("PATOIS_EXPORT_RESULTS")
"""A file to append to how many answers were equal, for that page."""
TRIES = pytest.mark.timeout(300 if ROWS < 20 else 3600)
PAIRS = [("C" * n + "O" * (m + 1), "meth" * n + "ol" * (m + 1)) for n in range(1, 11) for m in range(10)]
KINDS = {
    "full": [],
    "lora": ["--model.peft.rank", "2"],
    "added": ["--model.add_tokens+=meth", "--data.format", "tags"],
    "several": ["--data.task", "draw.yaml,name.yaml", "--data.format", "labels"],
    "chat": ["--data.format", "chat_template"],
    "gemma3": [],
}
NAMES = {
    "full": "all weights trained",
    "lora": "LoRA, merged",
    "added": "added tokens",
    "several": "several tasks",
    "chat": "format `chat_template`",
    "gemma3": "Gemma 3's architecture",
}
GEMMA = {
    "model_type": "gemma3_text", "num_key_value_heads": 1, "head_dim": 16, "query_pre_attn_scalar": 16,
    "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8, "final_logit_softcapping": 20.0,
    "rope_parameters": {
        "full_attention": {"rope_theta": 500.0, "rope_type": "linear", "factor": 2.0},
        "sliding_attention": {"rope_theta": 50.0, "rope_type": "default"},
    },
}  # fmt: skip
"""A decoder with other angles for each kind of layer, neither of them version 4's defaults."""


def own_flags(folder: Path, **architecture: Any) -> list[str]:
    (folder / "mols.csv").write_text(
        "smiles,name\n" + "".join(f"{smiles},{name}\n" for smiles, name in PAIRS)
    )
    for name, given, asked in (("name", "smiles", "name"), ("draw", "name", "smiles")):
        (folder / f"{name}.yaml").write_text(
            f"instructions: ['Give the {asked}.', 'Which {asked}?']\ninput: {{column: {given}}}\noutput: {{column: {asked}}}\n"
        )
    return [
        "--model.base", write_tiny_base(folder, initializer_range=0.3, **architecture), "--data.source", "mols.csv",
        "--model.generation.max_new_tokens", "16",
        "--trainer.max_epochs", "1", "--trainer.limit_train_batches", "2", "--model.optimizer.lr", "1e-3",
        "--trainer.precision", "32-true", "--trainer.enable_progress_bar", "false",
        "--data.val_fraction", "0.1", "--data.test_fraction", "0.1",
    ]  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of each kind, with its own answers to all rows of the table."""
    folder = tmp_path_factory.mktemp(request.param)
    columns = ["--data.input_column", "smiles", "--data.output_column", "name"]
    architecture = GEMMA if request.param == "gemma3" else {}
    flags = [
        *own_flags(folder, **architecture),
        *([] if request.param == "several" else columns),
        *KINDS[request.param],
    ]
    result = command(["fit", "--name", "mine", *flags], folder)
    assert result.returncode == 0, result.stderr[-3000:]
    one = ["--data.task", "name.yaml"] if request.param == "several" else []
    write_answers(folder, ["--ckpt_path", "runs/mine/checkpoints/best.ckpt", *one])
    return folder / "runs" / "mine" / "hf"


def write_answers(folder: Path, flags: list[str]) -> None:
    asked = ["predict", *flags, "--name", "asked", "--data.predict_path", "mols.csv"]
    result = command(asked, folder, timeout=900)
    assert result.returncode == 0, result.stderr[-3000:]


def questions_of(folder: Path, answers: list[dict[str, str]], column: str = "smiles") -> list[dict[str, str]]:
    """Return the questions of an export, with the prompts that its run gave the model."""
    asking, tokenizer = load_asking(folder), load_tokenizer(str(folder))
    assert asking is not None
    [task] = [task for task in asking.tasks if task.input.column == column]
    encoded = asking.encode(tokenizer, task, [row["input"] for row in answers])
    return [
        {"task": task.name, "input": row["input"], "prompt": tokenizer.decode(encoded.prompt(place))}
        for place, row in enumerate(answers)
    ]


def ask(python: Path, folder: Path, questions: list[dict[str, str]], scratch: Path) -> dict[str, Any]:
    (scratch / "questions.json").write_text(json.dumps(questions))
    script = PROJECT / "tests" / "helpers" / "ask_export.py"
    arguments = [
        str(python),
        str(script),
        str(folder),
        str(scratch / "questions.json"),
        str(scratch / "answers.json"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        arguments, cwd=scratch, env=environment, capture_output=True, text=True, timeout=3000, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "generation flags are not valid" not in done.stderr
    content: dict[str, Any] = json.loads((scratch / "answers.json").read_text())
    return content


def as_told(folder: Path, texts: list[str], question: dict[str, str]) -> list[str]:
    """Return generated texts without the format's own, as `predict` writes them."""
    asking = load_asking(folder)
    assert asking is not None
    [task] = [task for task in asking.tasks if task.name == question["task"]]
    return [asking.form.extract(text, asking.query(task, question["input"])).strip() for text in texts]


def note(
    model: str, reference: str, version: str, expected: list[str], answers: dict[str, list[str]]
) -> None:
    """Record the answers for docs/results/exports.md, if asked to."""
    if RECORD:
        record(PROJECT / RECORD, model, reference, version, expected, answers)


@pytest.mark.slow
@TRIES
@pytest.mark.parametrize("python", PYTHONS)
def test_an_export_answers_as_its_run(
    run: Path, python: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    [table] = (run.parents[1] / "asked" / "predict" / "predictions").glob("*.csv")
    rows = read_csv(table)[:ROWS]
    assert len(rows) == ROWS
    questions = questions_of(run, rows)
    answers = ask(python, run, questions, tmp_path)
    expected = [row["prediction"] for row in rows]
    told = {way: as_told(run, answers[way], questions[0]) for way in WAYS}
    kind = request.node.callspec.params["run"]
    note(NAMES[kind], "`predict`", answers["version"], dict.fromkeys(WAYS, expected), told)
    for way in WAYS:
        assert told[way] == expected, (way, answers["version"])
    assert len(set(expected)) > 1, "one answer to everything would show nothing"


def take_molecules(column: str) -> list[str]:
    """Return the SMILES or the names of molecules of moderate size, from all over the built-in data."""
    pairs = PUBCHEM.load().table.select(["smiles", "iupac"]).to_pylist()
    short = [pair[column] for pair in pairs if len(pair["smiles"]) < 40 and len(pair["iupac"]) < 80]
    return short[:: len(short) // ROWS][:ROWS]


@pytest.mark.slow
@TRIES
@pytest.mark.parametrize("column", ["smiles", "iupac"])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_flagship_answers_as_predict(python: Path, column: str, tmp_path: Path) -> None:
    lines = [column, *(f'"{text}"' for text in take_molecules(column))]
    (tmp_path / "mols.csv").write_text("\n".join(lines) + "\n")
    write_answers(tmp_path, ["--trainer.precision", "32-true"])
    [table] = (tmp_path / "runs").glob("*/predict/predictions/*.csv")
    rows = read_csv(table)[:ROWS]
    questions = questions_of(FLAGSHIP, rows, column)
    answers = ask(python, FLAGSHIP, questions, tmp_path)
    expected = [row["prediction"] for row in rows]
    told = {way: as_told(FLAGSHIP, answers[way], questions[0]) for way in WAYS}
    note(
        f"the flagship, from the column `{column}`",
        "`predict`",
        answers["version"],
        dict.fromkeys(WAYS, expected),
        told,
    )
    for way in WAYS:
        assert told[way] == expected, way
    assert len(set(expected)) > len(expected) / 2


@pytest.mark.slow
@TRIES
@pytest.mark.skipif(not OLDER.is_file(), reason="make transformers4 makes the environment")
def test_the_bundled_base_goes_on_alike_in_both_versions(tmp_path: Path) -> None:
    texts = [text[: len(text) // 2] for text in take_molecules("iupac")]
    questions = [{"task": "", "input": text, "prompt": f"<s>{text}"} for text in texts]
    older, newer = (ask(python, BUNDLED, questions, tmp_path) for python in (OLDER, Path(sys.executable)))
    versions = older.pop("version"), newer.pop("version")
    assert versions[0] != versions[1]
    reference = f"transformers {versions[1]}, by the same way"
    note("the bundled base, names to go on with", reference, versions[0], newer, older)
    assert older == newer
    assert len(set(newer["prompt"])) > ROWS / 2
