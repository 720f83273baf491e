"""The model that ships: how it is made of a run, and how it is asked without being named."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from transformers import AutoModelForCausalLM, AutoTokenizer

import train
from bench.release.bundled import Pretraining
from bench.release.flagship import (
    MOST_BYTES,
    RESULTS,
    Tested,
    add_to_history,
    export,
    main,
    make_flagship_head,
    write_card,
)
from callbacks.reports.export.card_results import eval_results
from cli.asking.find import default_folder, describe
from cli.asking.model import Model
from cli.demo.answerer import Answerer
from configs.lookup import CONFIGS
from datamodules.rows.training_record import FILE, load_record
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.decoder.decoders import load_tokenizer
from tests.helpers.runs import PAIRS, read_csv, write_tiny_base

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
CONFIG = str(CONFIGS / "flagship.yaml")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return tmp_path


def write_table(folder: Path) -> str:
    """Write molecules and names under the columns of the flagship's tasks; return its path."""
    path = folder / "pairs.csv"
    path.write_text("smiles,iupac\n" + "".join(f'{smiles},"{name}"\n' for smiles, name in PAIRS))
    return str(path)


def test_run_is_exported_as_the_flagship(folder: Path) -> None:
    data = [
        "--data.source", write_table(folder), "--data.val_fraction", "0.3", "--data.test_fraction", "0.3",
        "--model.generation.max_new_tokens", "12",
    ]  # fmt: skip
    train.main([
        "fit", "--config", CONFIG, "--name", "made", "--model.base", write_tiny_base(folder), *data,
        "--model.compile", "false", "--data.epoch_rows", "8", "--data.batch_size", "4", "--trainer.max_epochs", "1",
        "--trainer.enable_progress_bar", "false",
    ])  # fmt: skip
    run, shipped = folder / "runs" / "made", folder / "shipped"
    export(run, shipped)
    assert AutoTokenizer.from_pretrained(shipped)("CCO")["input_ids"]
    assert AutoModelForCausalLM.from_pretrained(shipped).dtype == torch.float16
    ours = AutoModelForCausalLM.from_pretrained(shipped, dtype=torch.float32).state_dict()
    for name, value in AutoModelForCausalLM.from_pretrained(run / "hf").state_dict().items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=1e-6)
    assert '"max_new_tokens": 12' in (shipped / "generation_config.json").read_text()

    for name, base in (("untrained", str(folder / "tiny.yaml")), ("tested", str(shipped))):
        train.main(["test", "--config", CONFIG, "--name", name, "--model.base", base, *data])
    test, untrained = folder / "runs" / "tested", folder / "runs" / "untrained"
    card = write_card(run, test, shipped, folder / "results", untrained)
    kept = {path.name for path in (folder / "results" / "test").iterdir()}
    assert kept >= {
        "strata.csv",
        "anchors.csv",
        "error_classes.csv",
        "calibration.csv",
        "abstaining.csv",
        "audit.json",
    }
    assert (shipped / "README.md").read_text() == card
    assert "--trainer.max_epochs 1 --seed_everything 0` | 2 of 4 rows | " in card
    [predictions] = (folder / "runs" / "tested" / "test" / "predictions").iterdir()
    tested = Counter(row["task"] for row in read_csv(predictions))
    for task in ("smiles_to_iupac", "iupac_to_smiles"):
        [line] = [line for line in card.splitlines() if line.startswith(f"| **{task}**")]
        assert line.endswith(f"| {tested[task]} |")
        [header] = [line for line in card.splitlines() if line.startswith(f"| {task} |  | rows |")]
        assert "| right: nearest training" in header
    assert card.count("| heavy atoms | 0 to 5 | ") == 2
    assert card.count("rows leak from training") == 2
    assert "| parent in training | no form of it is | " in card
    assert card.count("| base before this run |") == 2
    assert "| **smiles_to_iupac** | 0.0 % (0.0 to " in card


def test_flagship_card_tells_every_run_behind_the_weights(tmp_path: Path) -> None:
    def did(base: str, steps: int) -> Pretraining:
        config = {
            "model": {"base": base}, "trainer": {"max_epochs": 2, "precision": "32-true"}, "seed_everything": 0,
            "data": {"batch_size": 4},
        }  # fmt: skip
        return Pretraining(config, {}, steps=steps, epochs=2, tokens=100, seconds=1.4)

    path = tmp_path / "results" / "runs.jsonl"
    assert [run["steps"] for run in add_to_history(did("bundled", 10), path)] == [10]
    for _ in range(2):  # a card that is written again adds nothing
        assert [run["steps"] for run in add_to_history(did("flagship", 20), path)] == [10, 20]
    assert [run["steps"] for run in add_to_history(did(str(FLAGSHIP), 25), path)] == [10, 20, 25]
    assert [run["base"] for run in add_to_history(did("smollm2", 30), path)] == ["smollm2"]
    assert len(path.read_text().splitlines()) == 1
    with pytest.raises(ValueError, match=r"none\.jsonl: expected the runs behind the weights"):
        add_to_history(did("flagship", 20), tmp_path / "none.jsonl")


def test_flagship_is_exported_from_a_finished_run_only(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"runs/none: expected a run that has ended"):
        export(Path("runs/none"), folder / "shipped")
    with pytest.raises(SystemExit, match="2"):
        main(["card", "--run", "runs/none"])
    with pytest.raises(ValueError, match=r"runs/none: expected a run that was tested"):
        main(["card", "--run", "runs/none", "--test", "runs/none"])


def test_flagship_is_small_and_has_a_card() -> None:
    size = sum(
        path.stat().st_size for name in ("bundled", "flagship") for path in (FLAGSHIP.parent / name).iterdir()
    )
    assert size < MOST_BYTES
    card = (FLAGSHIP / "README.md").read_text(encoding="utf-8")
    assert "| openclatura (rules) |" in card
    assert "| OPSIN (rules) |" in card
    assert "license: apache-2.0" in card
    tasks = json.loads((RESULTS / "test" / "metrics.json").read_text(encoding="utf-8"))
    tested = Tested.of(tasks, {"pubchem": 112_450})
    assert card.startswith(f"---\n{make_flagship_head(tested)}\n---\n")
    assert '"role": "system", "content": "smiles_to_iupac"' in card
    assert "| right (95 %) | well-formed | rows |" in card
    facts = ModelCard(card).data
    measured = {(one.task_name, one.metric_type): one.metric_value for one in facts.eval_results}
    assert {task: measured[task, "exact_match"] for task in tasks} == {
        task: round(metrics["exact_match"], 4) for task, metrics in tasks.items()
    }
    for task, content in eval_results(tested, tested.metrics).items():
        assert (FLAGSHIP / ".eval_results" / f"{task}.yaml").read_text(encoding="utf-8") == content


def test_card_of_the_bundled_base_has_its_measurements_in_its_head() -> None:
    card = (FLAGSHIP.parent / "bundled" / "README.md").read_text(encoding="utf-8")
    facts = ModelCard(card).data
    assert (facts.tags, facts.metrics) == (["patois"], ["bits_per_character"])
    assert len(facts.eval_results) == 7
    for one in facts.eval_results:
        assert f"| {one.task_name} | {one.metric_value:.3f} | " in card


@pytest.mark.parametrize(
    ("column", "asked", "answer"), [("smiles", "OCC", "ethanol"), ("iupac", "acetic acid", "CC(=O)O")]
)
def test_predict_with_the_flagship_needs_no_model_flag(
    folder: Path, column: str, asked: str, answer: str
) -> None:
    (folder / "new.csv").write_text(f"{column}\n{asked}\n")
    train.main(["predict", "--name", "asked", "--data.predict_path", "new.csv"])
    [row] = read_csv(folder / "runs" / "asked" / "predict" / "predictions" / "new.csv")
    assert row["prediction"] == answer


def test_demo_asks_the_flagship_where_no_run_has_ended(folder: Path) -> None:
    assert default_folder() == FLAGSHIP
    answerer = Answerer(Model(describe(default_folder())), answers=2)
    assert list(answerer.tasks) == ["smiles_to_iupac", "iupac_to_smiles"]
    assert answerer.ask("smiles_to_iupac", "OCC").answers[0].text == "ethanol"


def test_flagship_remembers_its_training_rows_and_no_other() -> None:
    settings = yaml.safe_load((CONFIGS / "flagship.yaml").read_text())["data"]
    data = SequenceTaskDataModule(load_tokenizer("flagship"), **settings, test_rows=100)
    data.setup("validate")
    record = load_record(FLAGSHIP / FILE)
    assert record is not None
    for side, least, most in (("train", 0.95, 1), ("val", 0, 0), ("test", 0, 0)):
        for texts in data.side_texts(side):
            assert len(texts.inputs) >= 100
            share = record.knows(texts.identities).mean()
            assert least <= share <= most, side  # training left out rows over its --data.max_length
