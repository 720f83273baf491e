"""docs/speed.jsonl: a line a result, and a line a section that says on which machine it was measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from configs.lookup import PROJECT
from datamodules.storage.atomic_write import whole_file

RESULTS = PROJECT / "docs" / "speed.jsonl"
Result = dict[str, Any]


def read_results(path: Path = RESULTS) -> list[Result]:
    """Return all results, or none if the file is not there."""
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


def replaced(results: list[Result], section: str, machine: Result, found: list[Result]) -> list[Result]:
    """Return the results with those of a section, and its machine, in place of its older ones."""
    others = [
        result
        for result in results
        if section not in (result["section"], result.get("of") if result["section"] == "machine" else None)
    ]
    return [*others, {"section": "machine", "of": section, **machine}, *found]


def rounds_of(results: list[Result], section: str, machine: Result) -> list[Result]:
    """Return a section's results, to which more rounds are to be added.

    Raises:
        ValueError: If they were measured on another machine, or with other versions.
    """
    known = {"section": "machine", "of": section, **machine}
    [there] = [line for line in results if line["section"] == "machine" and line["of"] == section] or [known]
    if there != known:
        raise ValueError(
            f"Expected the machine and the versions of the rounds that are there, {there}, but got {known}. Without "
            "--more the rounds that are there are replaced."
        )
    return [result for result in results if result["section"] == section]


def keep_whole_rounds(
    section: str,
    machine: Result,
    rounds: Iterable[Iterable[Result]],
    before: Sequence[Result] = (),
    path: Path = RESULTS,
) -> None:
    """Put a section's results in place of older ones after each round that is complete.

    Until then they are in a file beside it, `*.SECTION.part.jsonl`, which an error or a kill leaves for who wants to look;
    the older ones are there still.

    Args:
        section: Name of the section.
        machine: What its figures depend on.
        rounds: Each round's results.
        before: Results of earlier rounds, which are kept.
        path: The file of all results.
    """
    part = path.with_name(f"{path.stem}.{section}.part.jsonl")
    done = list(before)
    part.write_text("", encoding="utf-8")
    for results in rounds:
        for result in results:
            done.append(result)
            with part.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
        lines = replaced(read_results(path), section, machine, done)
        with whole_file(path) as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    part.unlink()
