"""docs/speed.jsonl: one line per result, and one per section with the machine that measured it."""

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
    """Return all results, or none if the file does not exist."""
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


def replaced(results: list[Result], section: str, machine: Result, found: list[Result]) -> list[Result]:
    """Return the results with a section's older results, and its machine, replaced by new ones."""
    others = [
        result
        for result in results
        if section not in (result["section"], result.get("of") if result["section"] == "machine" else None)
    ]
    return [*others, {"section": "machine", "of": section, **machine}, *found]


def rounds_of(results: list[Result], section: str, machine: Result) -> list[Result]:
    """Return a section's results, so that more rounds can be added.

    Raises:
        ValueError: If they were measured on another machine or with other versions.
    """
    known = {"section": "machine", "of": section, **machine}
    [there] = [line for line in results if line["section"] == "machine" and line["of"] == section] or [known]
    if there != known:
        raise ValueError(
            f"Expected the machine and the versions of the existing rounds, {there}, but got {known}. Without "
            "--more new rounds replace the existing ones."
        )
    return [result for result in results if result["section"] == section]


def keep_whole_rounds(
    section: str,
    machine: Result,
    rounds: Iterable[Iterable[Result]],
    before: Sequence[Result] = (),
    path: Path = RESULTS,
) -> None:
    """Replace a section's older results after each complete round.

    Until then the new results are in a second file, `*.SECTION.part.jsonl`, which stays after an error or a kill for
    inspection; the older results are not lost.

    Args:
        section: Name of the section.
        machine: The machine and versions that its figures depend on.
        rounds: The results of each round.
        before: Results of earlier rounds to keep.
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
