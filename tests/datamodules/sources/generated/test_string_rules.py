from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import numpy as np

from datamodules.sources.generated.string_rules import ROWS_PER_RULE, RULES, generate, list_rules, load
from datamodules.splits import NAMES
from datamodules.task_data import TaskData


def test_rules_answer_as_they_are_called() -> None:
    rules = list_rules()
    expected = {
        "sort": "abelt", "drop_vowels": "tbl", "rotate_2": "bleta", "swap_ends": "eablt", "each_twice": "ttaabbllee",
        "replace_a_x": "txble", "append_k": "tablek", "dashed": "t-a-b-l-e", "next_letters": "ubcmf", "vowels_upper": "tAblE",
    }  # fmt: skip
    assert {name: rules[name]("table") for name in expected} == expected


def test_no_two_rules_answer_alike() -> None:
    rules = list_rules()
    texts = ["".join(chr(97 + (7 * n * (k + 3) + k * k) % 26) for k in range(3 + n % 6)) for n in range(60)]
    texts += ["aeiou", "banana", "insects", "rattle", "mountain", "xylem"]
    answers = Counter(tuple(rule(text) for text in texts) for rule in rules.values())
    assert len(rules) == RULES
    assert max(answers.values()) == 1


def test_rows_are_a_pure_function_of_the_seed() -> None:
    rows = load()
    assert rows.total == RULES * ROWS_PER_RULE
    rules = list_rules()
    table = rows.table.to_pylist()
    assert all(rules[row["rule"]](row["text"]) == row["answer"] != "" for row in table)
    assert generate(3, seed=1) != generate(3, seed=2)
    digest = hashlib.sha256(json.dumps(generate()).encode()).hexdigest()
    assert digest.startswith("8d757498e1bac78f")


def test_demonstrations_are_of_the_same_rule_and_rules_of_two_sides_differ(tokenizer: Any) -> None:
    data = TaskData(
        tokenizer, task="string_rules", shots=4, format="arrow", max_length=250, cache=False, val_rows=50
    )
    data.prepare_sides(("val",))
    assert data.store is not None
    assert data.prepared is not None
    [part] = data.store.parts
    assert part.groups is not None
    rules = {
        name: {part.groups[row] for row in np.flatnonzero(data.prepared.sides == side).tolist()}
        for side, name in enumerate(NAMES)
    }
    assert all(len(names) > 10 for names in rules.values())
    assert not rules["train"] & rules["val"] | rules["train"] & rules["test"] | rules["val"] & rules["test"]
    functions = list_rules()
    for row in data.sides["val"].places.tolist():
        lines = data.store.texts(np.array([row]))[0][0].split("\n")
        shown = [line.split(" -> ") for line in lines if " -> " in line]
        assert len(shown) == 4
        rule = functions[part.groups[row]]
        assert all(rule(text.strip()) == answer.strip() for text, answer in shown)
        assert part.inputs[row] not in [text.strip() for text, _ in shown]
