"""Record the first commands of the README on a terminal of 80 columns: `python -m bench.release.terminal_session`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from configs.lookup import PROJECT

PAGE = PROJECT / "docs" / "terminal.md"
COMMANDS = (
    "show --data.task smiles_to_iupac --data.format arrow",
    "fit --name mine --data.train_rows 1000 --data.val_rows 200 --trainer.max_epochs 3",
    "test --ckpt_path runs/mine --data.test_rows 100",
    "predict --data.predict_path new.csv",
    "predict --ckpt_path runs/mine --data.predict_path new.csv --quiet",
    "fit --nme mine",
)
"""Of a fit that takes a minute, so that the page can be made again."""
ABOUT = """# What a terminal shows

Recorded by `python -m bench.release.terminal_session` on a terminal of 80 columns and two CPU cores, with `WANDB_MODE=offline`.
The fit is small, so that the page is made in minutes; its model is not worth asking. A line that moves while a run works
(`epoch 2/3 ━━━━━━━━━━ 31/63 0:00:04 loss 1.204`) is gone when the work is done, and is not drawn into pipes and files; the
other lines are the same there, not wrapped.

Where answers are classes or numbers, the column is called `headline (95 %)`: `AUROC 0.912 (0.880 to 0.940)`, or `MAE 0.61 °C
(0.55 to 0.67)` in the column's unit ([kinds of tasks](metrics.md#kinds-of-tasks-and-their-headlines)).
"""


def screen_of(raw: str) -> list[str]:
    r"""Return the lines of a terminal after all has been written; knows the codes that a progress line uses.

    Examples:
        >>> screen_of("a bar\r\x1b[2Ka line\n")
        ['a line', '']
    """
    lines, row, column = [""], 0, 0
    for code, text in re.findall(r"(\x1b\[[0-9;?]*[A-Za-z]|\r|\n)|([^\x1b\r\n]+)", raw):
        if code == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif code == "\r":
            column = 0
        elif code == "\x1b[2K":
            lines[row] = ""
        elif re.fullmatch(r"\x1b\[\d*A", code):
            row -= int(code[2:-1] or 1)
        elif text:
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
            column += len(text)
    return lines


def record(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a command on a pseudo terminal of 80 columns, and return all that it wrote.

    Args:
        command: The command's words.
        folder: Where it runs.
        environment: Variables in addition to this process's.
    """
    import pty  # POSIX only

    leader, follower = pty.openpty()
    settings = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", **(environment or {})}
    process = subprocess.Popen(command, stdout=follower, stderr=follower, cwd=folder, env=settings)
    os.close(follower)
    raw = b""
    try:
        while piece := os.read(leader, 65536):
            raw += piece
    except OSError:
        pass  # so Linux tells the end
    process.wait()
    os.close(leader)
    return raw.decode()


def main() -> None:
    """Record the commands in a new folder, and write the page."""
    parts = [ABOUT]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "new.csv").write_text("smiles\nCCO\nCC(=O)Oc1ccccc1C(=O)O\n", encoding="utf-8")
        for words in COMMANDS:
            raw = record(
                [sys.executable, str(PROJECT / "train.py"), *words.split()],
                folder,
                {"WANDB_MODE": "offline", "NO_COLOR": "1"},
            )
            lines = [line.rstrip() for line in screen_of(raw)]
            shown = "\n".join(lines).strip("\n").replace(f"{folder}/", "").replace(str(Path.home()), "~")
            parts.append(f"```text\n$ python train.py {words}\n{shown}\n```\n")
    PAGE.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
