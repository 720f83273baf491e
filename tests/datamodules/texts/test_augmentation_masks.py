"""What is masked in a row: in training by (seed, epoch, row), in evaluation by the text alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.formats import build_format, load_format
from datamodules.infilling import draw_of_text, find_gap, mask_text
from datamodules.notations import smiles
from datamodules.rows.task_rows import TaskRows, read_task
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.sources.lookup import load_source
from datamodules.task_data import TaskData
from datamodules.tasks import build_task, load_task
from datamodules.texts.augmentation import BASE, choose_variants, mix
from datamodules.texts.rendering import RowStore
from datamodules.tokens.examples import IGNORE_INDEX
from tests.helpers.small_tables import attach_trainer, write_csv

MOLECULES = [f"{'C' * (1 + number % 9)}c1cc{end}ccc1" for number, end in enumerate("NOSFI" * 12)]
MOLECULES = [text for text in dict.fromkeys(MOLECULES) if smiles.is_valid(text)]
MOLECULES += [f"{'C' * number}(=O)N{'C' * other}O" for number in range(1, 8) for other in range(1, 9)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("masks") / "molecules.csv"
    table = [[text, f"2-{'meth' * (1 + number % 7)}yl-{number}-ol"] for number, text in enumerate(MOLECULES)]
    return write_csv(path, [["smiles", "iupac"], *table])


@pytest.fixture(scope="module")
def rows(source: str) -> TaskRows:
    return read_task(load_task("fill_smiles"), load_source(source))


def make_module(
    tokenizer: Any, source: str, folder: Path, rank: int = 0, world: int = 1, **options: Any
) -> Any:
    settings = {"task": "smiles_to_iupac,fill_smiles", "format": "labels", "batch_size": 4, "cache": False}
    module = SequenceTaskDataModule(tokenizer, source=source, **{**settings, **options})
    attach_trainer(module, folder, world, rank)
    module.setup("fit")
    return module


def read_epoch(module: Any, tokenizer: Any, epoch: int) -> set[str]:
    """Return the texts of an epoch's training rows: sequences, cut at the stop tokens of packed rows."""
    loader = module.train_dataloader()
    loader.sampler.set_epoch(epoch)
    found = []
    for batch in loader:
        for ids in batch["input_ids"]:
            text = tokenizer.decode(ids.tolist()).replace(tokenizer.pad_token or "<none>", "")
            found += [one for one in text.replace("<s>", "").split("</s>") if one.strip()]
    return set(found)


def test_spans_of_many_rows_are_those_of_single_rows(rows: TaskRows) -> None:
    places = np.array([3, 0, 7, 7, 19, 11, 5])
    for epoch in (0, 1):
        draws = mix(4, epoch, places)
        found = choose_variants(rows, places, draws, epoch, "all")
        for number, (place, draw) in enumerate(zip(places.tolist(), draws.tolist(), strict=True)):
            expected = mask_text("spans", "smiles", rows.outputs[place], draw)
            assert (found.inputs[number], found.outputs[number]) == expected


def test_an_epoch_has_other_spans_and_evaluation_always_its_own(rows: TaskRows) -> None:
    places = np.arange(len(rows))
    spans = [
        list(choose_variants(rows, places, mix(seed, max(epoch, 0), places), epoch, "first").inputs)
        for seed, epoch in ((0, BASE), (5, BASE), (0, 0), (0, 1), (5, 0))
    ]
    assert spans[0] == spans[1] == list(rows.inputs)
    for shown, text in zip(spans[0], rows.outputs, strict=True):
        masked = mask_text("spans", "smiles", text, draw_of_text(text))
        assert masked is not None
        assert masked.shown == shown
    for one, other in ((2, 3), (2, 4), (0, 2)):
        same = sum(a == b for a, b in zip(spans[one], spans[other], strict=True))
        assert same < 0.2 * len(rows)


def test_a_random_spelling_is_masked_and_joins_to_the_molecule(source: str) -> None:
    content = {
        "input": {"column": "smiles", "notation": "smiles", "randomize": True, "mask": "spans"},
        "output": {"column": "smiles", "notation": "smiles", "label": "MISSING"},
    }
    rows = read_task(build_task(content, "spelled.yaml"), load_source(source))
    places = np.arange(len(rows))
    found = choose_variants(rows, places, mix(0, 0, places), 0, "first")
    joined = [answer.join(find_gap(shown)) for shown, answer in zip(found.inputs, found.outputs, strict=True)]
    assert [smiles.normalize(text) for text in joined] == list(rows.outputs)
    assert sum(text != whole for text, whole in zip(joined, rows.outputs, strict=True)) > len(rows) // 2
    fixed = choose_variants(rows, places, mix(1, 0, places), BASE, "first")
    assert list(fixed.inputs) == list(rows.inputs)


def test_other_right_inputs_are_masked_too_and_short_ones_replaced(tmp_path: Path) -> None:
    table = [["smiles", "other"], *[[text, "C"] for text in MOLECULES[:30]]]
    source = write_csv(tmp_path / "x.csv", table)
    content = {
        "input": {"column": "smiles", "notation": "smiles", "alternatives": "other", "mask": "spans"},
        "output": {"column": "smiles", "notation": "smiles", "label": "MISSING"},
    }
    rows = read_task(build_task(content, "x.yaml"), load_source(source))
    places = np.arange(len(rows))
    found = choose_variants(rows, places, mix(0, 0, places), 0, "first")
    own = [shown == fixed for shown, fixed in zip(found.inputs, rows.inputs, strict=True)]
    assert 5 < sum(own) < len(rows)  # where the methane was drawn
    for place in places.tolist():
        assert found.outputs[place].join(find_gap(found.inputs[place])) == rows.outputs[place]


@pytest.mark.parametrize("form", ["labels", "filtered"])
@pytest.mark.parametrize("epoch", [BASE, 0])
def test_completions_are_the_answers_in_any_format(
    rows: TaskRows, tokenizer: Any, form: str, epoch: int
) -> None:
    template = "{{ input|trim }} =>"
    made = build_format("filtered", {"prompt": template, "completion": " {{ output }}"}, "x.yaml")
    store = RowStore([rows], load_format(form) if form == "labels" else made, tokenizer, seed=3)
    places = np.arange(len(rows))
    prompts, completions = store.texts(places, epoch)
    variants = choose_variants(rows, places, mix(3, max(epoch, 0), places), epoch, "all")
    assert list(completions) == [f" {answer}" for answer in variants.outputs]
    assert all(shown in prompt for shown, prompt in zip(variants.inputs, prompts, strict=True))
    assert store.varies()


def test_demonstrations_show_the_gap_and_its_answer(rows: TaskRows, tokenizer: Any) -> None:
    store = RowStore([rows], load_format("arrow"), tokenizer, shots=2, phrasings="first")
    store.demonstrations.draw_from(np.arange(len(rows)))
    prompts, _ = store.texts(np.arange(10))
    for prompt in prompts:
        *shots, _ = prompt.split("\n")
        assert len(shots) == 2
        for shot in shots:
            shown, answer = shot.split(" -> ")
            assert answer.join(find_gap(shown)) in set(rows.outputs)


def test_workers_packing_and_ranks_see_the_same_spans(tokenizer: Any, source: str, tmp_path: Path) -> None:
    plain = [read_epoch(make_module(tokenizer, source, tmp_path), tokenizer, epoch) for epoch in (0, 1)]
    assert plain[0] != plain[1]
    for options in ({"num_workers": 2}, {"packing": True, "num_workers": 2}, {"batch_size": 3}):
        module = make_module(tokenizer, source, tmp_path, **options)
        assert [read_epoch(module, tokenizer, epoch) for epoch in (0, 1)] == plain
    ranks = [make_module(tokenizer, source, tmp_path, rank, 2, num_workers=1) for rank in (0, 1)]
    shared = [read_epoch(module, tokenizer, 0) for module in ranks]
    assert shared[0] | shared[1] == plain[0]
    alone = make_module(tokenizer, source, tmp_path, task="fill_smiles")
    fills = [
        {text for text in texts if "MISSING" in text} for texts in (plain[0], read_epoch(alone, tokenizer, 0))
    ]
    assert len(fills[0]) == len(fills[1]) > 50


def test_evaluation_has_the_same_spans_in_each_run(tokenizer: Any, source: str) -> None:
    found = []
    for options in ({"seed": 0}, {"seed": 7}, {"task": "smiles_to_iupac,fill_smiles", "format": "labels"}):
        data = TaskData(
            tokenizer,
            **{"task": "fill_smiles", "source": source, "cache": False, "val_fraction": 0.3, **options},
        )
        data.prepare_sides(("val",))
        rows = [data.sides["val"].row(index) for index in range(data.sides["val"].num_rows)]
        found.append({(row.input, row.target) for row in rows if row.task == "fill_smiles"})
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 10


def test_an_answer_is_read_inside_its_molecule(tokenizer: Any, source: str) -> None:
    data = TaskData(
        tokenizer, task="fill_smiles", source=source, format="tags", cache=False, val_fraction=0.3
    )
    data.prepare_sides(("val",))
    for index in range(data.sides["val"].num_rows):
        row = data.sides["val"].row(index)
        assert (row.input_notation, row.output_notation) == ("text", "smiles")
        assert find_gap(row.input) == row.around
        missing = str(row.target)[len(row.around[0]) : len(str(row.target)) - len(row.around[1])]
        before, after = data.sides["val"].affixes(index)
        assert data.sides["val"].extract(index, f"{before}{missing}{after}") == row.target
        assert data.sides["val"].extract(index, "") == "".join(row.around)
        labels = data.sides["val"].encoded.labels(index, "completion")
        ids = data.sides["val"].encoded.example(index)
        written = tokenizer.decode(ids[labels != IGNORE_INDEX].tolist()).replace("</s>", "")
        assert data.sides["val"].extract(index, written) == row.target
