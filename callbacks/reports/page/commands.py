"""What to do next with a run, as the page says it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from callbacks.reports.page.run_files import RunFiles
from configs.program import spell
from datamodules.flag_tasks import join_columns, name_columns


def list_commands(files: RunFiles, program: str) -> list[tuple[str, str]]:
    """Return what to do next, in words and as a command to copy.

    Args:
        files: What the folder holds.
        program: How the program is called, `python train.py` or `patois`.
    """
    sides = {side.name: side for side in files.sides}
    tasks = list(dict.fromkeys(task for side in files.sides for task in side.summary.get("tasks", {})))
    found = []

    def add(words: str, *command: str) -> None:
        found.append((words, spell(*command, program=program)))

    if "checkpoints/best.ckpt" in files.has:
        best = f"{files.place}/checkpoints/best.ckpt"
        if not sides.get("test") or not sides["test"].summary:
            add("Test it on the held-out rows", "test", "--ckpt_path", best)
        one = _name_one(files, tasks) if len(tasks) > 1 else []
        new = ["--data.predict_path", "new.csv"]
        add("Answer a table of questions", "predict", "--ckpt_path", best, *new, *one)
    if "hf" in files.has:
        which = f", task={json.dumps(tasks[0])}" if len(tasks) > 1 else ""
        asked = f'import patois; print(patois.load({json.dumps(files.place)}).predict(["..."]{which}))'
        found.append(("Ask it in Python", asked))
        add("Ask it in the browser", "demo", "--model", files.place)
    if "checkpoints/last.ckpt" in files.has:
        most = (files.settings.get("trainer") or {}).get("max_epochs")
        longer = []
        if isinstance(most, int) and 0 < most <= len(files.epochs):
            longer = ["--trainer.max_epochs", str(2 * most)]
        last = f"{files.place}/checkpoints/last.ckpt"
        add("Train it longer" if longer else "Go on with the fit", "fit", "--ckpt_path", last, *longer)
    add("Compare it with another run, row by row", "compare", files.place, "runs/OTHER")
    add("Make this page again", "report", files.place)
    return found


def _name_one(files: RunFiles, tasks: Sequence[str]) -> list[str]:
    """Return the flag that chooses the first of several tasks: a table may be asked in one of them only."""
    data = files.settings.get("data") or {}
    if data.get("task") is not None:
        return ["--data.task", tasks[0]]
    columns = name_columns(data.get("output_column") or "")
    return ["--data.output_column", join_columns(columns[:1])] if columns else []
