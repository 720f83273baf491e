from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import train
from bench.release import permuted_options
from bench.release.permuted_options import find_shown_tasks, main, measure, summarize
from datamodules.choices import Choices
from datamodules.tasks import Side, Task
from tests.helpers.runs import write_tiny_base
from tests.helpers.small_tables import write_csv

COLOURS = ["red", "green", "blue"]


def fit(shown: bool) -> Path:
    """Train a tiny base for a few steps on a task with three options."""
    rows = [[f"thing {n}", COLOURS[n % 3]] for n in range(90)]
    write_csv(Path("things.csv"), [["thing", "colour"], *rows])
    Path("colours.yaml").write_text(
        "input: {column: thing}\noutput: {column: colour}\n"
        f"choices: {{options: [red, green, blue], shown: {str(shown).lower()}}}\n"
    )
    train.main([
        "fit", "--name", "mine", "--model.base", write_tiny_base(Path()), "--data.source", "things.csv", "--data.task",
        "colours.yaml", "--data.val_fraction", "0.2", "--data.test_fraction", "0.3", "--trainer.max_epochs", "1",
        "--trainer.enable_progress_bar", "false", "--data.format", "labels", "--trainer.logger", "false",
    ])  # fmt: skip
    return Path("runs/mine")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_run_is_asked_in_other_orders_of_the_same_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    run = fit(shown=True)
    prompts: list[list[str]] = []

    def listen(data, evaluator, rows, order):
        answers = answer(data, evaluator, rows, order)
        encoded = data.data.sides["test"].encoded
        prompts.append([evaluator.tokenizer.decode(encoded.prompt(row).tolist()) for row in rows])
        return answers

    answer = permuted_options.answer_in_order
    monkeypatch.setattr(permuted_options, "answer_in_order", listen)
    [line] = measure(run, orders=3)
    assert (line["task"], line["orders"]) == ("colours", 3)
    assert (
        line["rows"] == json.loads(Path("runs/mine/data.json").read_text())["rows"]["test"] == len(prompts[0])
    )
    assert all("Options: red; green; blue" in text for text in prompts[0])
    orders = [[text.partition("Options: ")[2].split("\n")[0] for text in texts] for texts in prompts]
    assert all(sorted(text.split("; ")) == sorted(COLOURS) for texts in orders for text in texts)
    assert len({tuple(texts) for texts in orders}) == 4
    assert [text.partition("Options: ")[0] for text in prompts[0]] == [
        text.partition("Options: ")[0] for text in prompts[1]
    ]
    assert 0 <= line["changed_low"] <= line["changed"] <= line["changed_high"] <= 1
    capsys.readouterr()
    main([str(run), "--orders", "2", "--rows", "5", "--output", "lines.jsonl"])
    main([str(run), "--orders", "2", "--rows", "5", "--output", "lines.jsonl"])
    first, second = (json.loads(text) for text in Path("lines.jsonl").read_text().splitlines())
    assert first == second
    assert (first["rows"], first["orders"]) == (5, 2)


def test_an_answer_that_follows_its_place_changes_and_one_that_follows_its_text_does_not() -> None:
    targets = np.arange(12) % 3
    steady = summarize(np.stack([targets] * 4), targets)
    assert (steady["changed"], steady["ever_changed"], steady["accuracy"]) == (0.0, 0.0, 1.0)
    moving = summarize(np.stack([targets, (targets + 1) % 3, targets, targets]), targets)
    assert (moving["changed"], moving["ever_changed"]) == (pytest.approx(1 / 3), 1.0)
    assert moving["accuracy_shuffled"] == pytest.approx(2 / 3)


def test_tasks_that_show_no_options_are_refused() -> None:
    plain = Task("plain", Side("a"), Side("b"), choices=Choices(("x", "y")))
    with pytest.raises(ValueError, match=r"shown: true.*but got plain, whose prompts show no options"):
        find_shown_tasks([plain])
    spelled = Task(
        "spelled", Side("a", "smiles", randomize=True), Side("b"), choices=Choices(("x", "y"), shown=True)
    )
    with pytest.raises(ValueError, match=r"'spelled' also varies its input"):
        find_shown_tasks([plain, spelled])
