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
from bench.release.flagship.__main__ import main
from bench.release.flagship.card import Tested, make_flagship_head, write_card
from bench.release.flagship.export import MOST_BYTES, count_bytes, export
from bench.release.flagship.history import add_to_history, spell_recipe, tabulate
from bench.release.flagship.parts import PARTS, Part
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


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_run_is_exported_as_a_part_of_the_flagship(folder: Path, part: Part) -> None:
    data = [
        "--data.source", write_table(folder), "--data.val_fraction", "0.3", "--data.test_fraction", "0.3",
        "--data.task", part.task, "--model.generation.max_new_tokens", "12",
    ]  # fmt: skip
    train.main([
        "fit", "--config", CONFIG, "--name", "made", "--model.base", write_tiny_base(folder), *data,
        "--model.compile", "false", "--data.epoch_rows", "8", "--data.batch_size", "4", "--trainer.max_epochs", "1",
        "--trainer.enable_progress_bar", "false",
    ])  # fmt: skip
    run, shipped = folder / "runs" / "made", folder / "shipped"
    mine = part._replace(folder=shipped)
    export(run, mine)
    assert AutoTokenizer.from_pretrained(shipped)("CCO")["input_ids"]
    assert AutoModelForCausalLM.from_pretrained(shipped).dtype == torch.float16
    ours = AutoModelForCausalLM.from_pretrained(shipped, dtype=torch.float32).state_dict()
    for name, value in AutoModelForCausalLM.from_pretrained(run / "hf").state_dict().items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=1e-6)
    assert '"max_new_tokens": 12' in (shipped / "generation_config.json").read_text()

    for name, base in (("untrained", str(folder / "tiny.yaml")), ("tested", str(shipped))):
        train.main(["test", "--config", CONFIG, "--name", name, "--model.base", base, *data])
    test, untrained = folder / "runs" / "tested", folder / "runs" / "untrained"
    card = write_card(run, test, mine, folder / "results", untrained)
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
    assert (
        f"--trainer.max_epochs 1 --seed_everything 0 --data.task {part.task} --data.epoch_rows 8` | 2 of 4 rows | "
        in card
    )
    [predictions] = (folder / "runs" / "tested" / "test" / "predictions").iterdir()
    tested = Counter(row["task"] for row in read_csv(predictions))
    [line] = [line for line in card.splitlines() if line.startswith(f"| **{part.task}**")]
    assert line.endswith(f"| {tested[part.task]} |")
    [header] = [line for line in card.splitlines() if line.startswith(f"| {part.task} |  | rows |")]
    assert "| right: nearest training" in header
    assert (
        card.count("| heavy atoms | 0 to 5 | ") == 2
    )  # of the own test, and of the molecules of another source
    assert card.count("rows leak from training") == 1
    assert "| parent in training | no form of it is | " in card
    assert card.count("| base before this run |") == 1
    assert f"| **{part.task}** | 0.0 % (0.0 to " in card


def test_recipe_tells_the_flags_that_decide_what_a_run_learned() -> None:
    settings = yaml.safe_load((CONFIGS / "flagship.yaml").read_text())
    recipe = {"data": dict(settings["data"]), "model": dict(settings["model"])}
    assert spell_recipe(recipe) == ""
    recipe["data"] |= {"max_length": 112, "val_rows": 7}
    recipe["model"]["optimizer"] = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 1e-3}}
    assert spell_recipe(recipe) == "--data.max_length 112 --model.optimizer.lr 0.001"


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
    for right in (
        {"right": 0.25},
        {"right": 0.25, "right_elsewhere": 0.125},
    ):  # measured again, it is the same run
        history = add_to_history(did(str(FLAGSHIP), 25), path, right)
        assert [run.get("right") for run in history] == [None, None, 0.25]
    assert "| 25.0 % | 12.5 % |" in tabulate(history)
    assert "| - | - |" in tabulate(history)
    assert [run["base"] for run in add_to_history(did("smollm2", 30), path)] == ["smollm2"]
    assert len(path.read_text().splitlines()) == 1
    with pytest.raises(ValueError, match=r"none\.jsonl: expected the runs behind the weights"):
        add_to_history(did("flagship", 20), tmp_path / "none.jsonl")


def test_flagship_is_exported_from_a_finished_run_only(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"runs/none: expected a run that has ended"):
        export(Path("runs/none"), PARTS["names"]._replace(folder=folder / "shipped"))
    with pytest.raises(SystemExit, match="2"):
        main(["card", "--part", "names", "--run", "runs/none"])
    with pytest.raises(ValueError, match=r"runs/none: expected a run that was tested"):
        main(["card", "--part", "draws", "--run", "runs/none", "--test", "runs/none"])


def test_shipped_weights_are_small() -> None:
    assert count_bytes([FLAGSHIP, FLAGSHIP.parent / "bundled"]) < MOST_BYTES


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_part_of_the_flagship_has_a_card(part: Part) -> None:
    card = (part.folder / "README.md").read_text(encoding="utf-8")
    assert ("| openclatura (rules) |" if part.name == "names" else "| OPSIN (rules) |") in card
    assert "license: apache-2.0" in card
    tasks = json.loads((part.results / "test" / "metrics.json").read_text(encoding="utf-8"))
    assert list(tasks) == [part.task]
    head = card.partition("---\n")[2].partition("---\n")[0]
    sources = dict.fromkeys(yaml.safe_load(head)["datasets"], 1)
    tested = Tested.of(tasks, sources)
    assert card.startswith(f"---\n{make_flagship_head(tested)}\n---\n")
    assert f'"role": "user", "content": "{part.example}"' in card
    assert "| right (95 %) | well-formed | rows |" in card
    assert "## Molecules of another source" in card
    facts = ModelCard(card).data
    measured = {(one.task_name, one.metric_type): one.metric_value for one in facts.eval_results}
    assert measured[part.task, "exact_match"] == round(tasks[part.task]["exact_match"], 4)
    for task, content in eval_results(tested, tested.metrics).items():
        assert (part.folder / ".eval_results" / f"{task}.yaml").read_text(encoding="utf-8") == content


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


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_part_remembers_its_training_rows_and_no_other(part: Part) -> None:
    settings = yaml.safe_load((CONFIGS / "flagship.yaml").read_text())["data"] | {"task": part.task}
    data = SequenceTaskDataModule(load_tokenizer(str(part.folder)), **settings, test_rows=100)
    data.setup("validate")
    record = load_record(part.folder / FILE)
    assert record is not None
    for side, least, most in (("train", 0.95, 1), ("val", 0, 0), ("test", 0, 0)):
        for texts in data.side_texts(side):
            assert len(texts.inputs) >= 100
            share = record.knows(texts.identities).mean()
            assert least <= share <= most, side  # training left out rows over its --data.max_length
