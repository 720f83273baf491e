from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.flag_tasks import choose_tasks
from datamodules.task_weights import parse_weights


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        ("a", {"a": None}),
        ("a,b", {"a": None, "b": None}),
        ("a:2, b:0.5", {"a": 2.0, "b": 0.5}),
        (["a", "b:3"], {"a": None, "b": 3.0}),
        ({"a": 1, "b": 2}, {"a": 1.0, "b": 2.0}),
        (["a,b"], {"a": None, "b": None}),
        ("a:2,c:0", {"a": 2.0, "c": 0.0}),
        ("a,c:0", {"a": None, "c": 0.0}),
    ],
)
def test_task_flag_reads_names_and_weights(given: object, weights: dict[str, float | None]) -> None:
    assert parse_weights(given) == weights  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["a:0", "a:0,b:0", "a:-1", "a:x", "a:inf", "a:nan", "", ":2", "a,,b"])
def test_task_flag_refuses_wrong_weights(given: str) -> None:
    with pytest.raises(ValueError, match=r"Expected --data.task"):
        parse_weights(given)


@pytest.mark.parametrize("name", ["a,b.yaml", "mine: 1.yaml", "a:2,b.yaml", "a,b:1,c.yml", "sub,x/task"])
def test_path_of_a_task_may_hold_commas_and_colons(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("input: {column: word}\noutput: {column: back}\n")
    for path in (str(file), f"./{name}"):
        assert parse_weights(path) == {path: None}
        assert parse_weights(f"{path}:3") == {path: 3.0}
        assert parse_weights(f"smiles_to_iupac:2, {path},read_words:1") == {
            "smiles_to_iupac": 2.0, path: None, "read_words": 1.0,
        }  # fmt: skip
        assert parse_weights([path, "read_words"]) == {path: None, "read_words": None}
    tasks, _ = choose_tasks(str(file))
    assert tasks[0].input.column == "word"


def test_a_task_is_named_once() -> None:
    with pytest.raises(ValueError, match="to name each task once, but got a twice"):
        parse_weights("a:2,a:1")
