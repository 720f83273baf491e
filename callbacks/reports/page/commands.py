"""What to do next with a run, as the page says it."""

from __future__ import annotations

import json
import shlex

from callbacks.reports.page.run_files import RunFiles


def list_commands(files: RunFiles, program: str) -> list[tuple[str, str]]:
    """Return what to do next, in words and as a command to copy.

    Args:
        files: What the folder holds.
        program: How the program is called, `python train.py` or `patois`.
    """
    place = shlex.quote(files.place)
    sides = {side.name: side for side in files.sides}
    found = []
    if "checkpoints/best.ckpt" in files.has:
        best = shlex.quote(f"{files.place}/checkpoints/best.ckpt")
        if not sides.get("test") or not sides["test"].summary:
            found.append(("Test it on the held-out rows", f"{program} test --ckpt_path {best}"))
        found.append(
            (
                "Answer a table of questions",
                f"{program} predict --ckpt_path {best} --data.predict_path new.csv",
            )
        )
    if "hf" in files.has:
        tasks = list(dict.fromkeys(task for side in files.sides for task in side.summary.get("tasks", {})))
        which = f", task={json.dumps(tasks[0])}" if len(tasks) > 1 else ""
        asked = f'import patois; print(patois.load({json.dumps(files.place)}).predict(["..."]{which}))'
        found.append(("Ask it in Python", asked))
        found.append(("Ask it in the browser", f"{program} demo --model {place}"))
    if "checkpoints/last.ckpt" in files.has:
        most = (files.settings.get("trainer") or {}).get("max_epochs")
        longer = (
            f" --trainer.max_epochs {2 * most}"
            if isinstance(most, int) and 0 < most <= len(files.epochs)
            else ""
        )
        last = shlex.quote(f"{files.place}/checkpoints/last.ckpt")
        words = "Train it longer" if longer else "Go on with the fit"
        found.append((words, f"{program} fit --ckpt_path {last}{longer}"))
    found.append(("Compare it with another run, row by row", f"{program} compare {place} runs/OTHER"))
    found.append(("Make this page again", f"{program} report {place}"))
    return found
