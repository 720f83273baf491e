"""The page of every flag, `--help-all`: the parser's, without Lightning's words where ours differ, in 80 columns."""

from __future__ import annotations

import re
import textwrap

from cli.screen.short_help import ABOUT, WIDTH

LIGHTNINGS = {
    "Runs the full optimization routine": ABOUT["fit"].rstrip("."),
    "Perform one evaluation epoch over the validation set": ABOUT["validate"].rstrip("."),
    "Perform one evaluation epoch over the test set": ABOUT["test"].rstrip("."),
    "Run inference on your data": ABOUT["predict"].rstrip("."),
}
"""The beginnings of Lightning's texts about subcommands, some cut in a sentence, and ours."""
TEXTS = {
    "trainer.logger": "Further loggers, beside metrics.csv and W&B; `false` logs nothing.",
    "trainer.enable_checkpointing": "Whether checkpoints are written.",
    "trainer.enable_progress_bar": "Whether a terminal shows the line that moves.",
    "trainer.enable_model_summary": "Whether to print a table of the model's parts.",
    "trainer.default_root_dir": "Refused: runs are written to runs/NAME; see --name.",
    "trainer.gradient_clip_algorithm": "Clip gradients by `norm` or by `value`.",
    "ckpt_path": "The run to go on with, or to ask: its folder (runs/NAME), one of its checkpoints, or `last` or `best` of the "
    "latest run (of --name, if given). `fit` resumes from last.ckpt; the others take best.ckpt. `predict` without it asks the "
    "model that ships.",
}  # fmt: skip
"""Texts in place of Lightning's, which tell of defaults, a registry and keywords that are not ours."""
_DEFAULT = re.compile(r"\bdefaults?\b", re.IGNORECASE)
_INDENT = 24


def mend_page(page: str) -> str:
    """Return a page without Lightning's defaults beside ours, cut sentences, and texts that are not true here."""
    page = re.sub(r"\s+Defaults?:?\s+(to\s+)?(``[^`]*``|1)\.", "", page)
    ours = r"default: those of configs/default.yaml,\1known"
    page = re.sub(r"default:\s+\[Namespace\(.*?\)\],(\s+)known", ours, page, flags=re.DOTALL)
    page = page.replace("instantiation.Set", "instantiation. Set")
    for start, about in LIGHTNINGS.items():
        page = re.sub(rf"{start}.*?(?=\n\n|\n    [a-z]|:\n|\Z)", about, page, flags=re.DOTALL)
    page = re.sub(r"\A(usage: .*?) \[options\] (\w+) .*?(?=\n\n)", r"\1 \2 [flags]", page, flags=re.DOTALL)
    blocks = re.split(r"\n(?=  -|\n|\S)", page)
    return "\n".join(_mend_flag(block) if block.startswith("  -") else _wrap_title(block) for block in blocks)


def _wrap_title(block: str) -> str:
    """Return the lines between flags, each in 80 columns; the text of a subcommand stays in its column."""
    lines = []
    for line in block.split("\n"):
        start = re.match(r"\s*(?:\S+\s{2,})?", line)
        indent = " " * (len(start[0]) if start else 0)
        lines.append(
            textwrap.fill(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
            if len(line) > WIDTH
            else line
        )
    return "\n".join(lines)


def _mend_flag(block: str) -> str:
    """Return a flag with its text in 80 columns."""
    head, text = re.fullmatch(r"(  -\S*(?: \S+)*)(?:\s\s+(.*))?", block, flags=re.DOTALL).groups("")  # type: ignore[union-attr]
    text = " ".join(text.split())
    flag = "".join(re.findall(r"--([\w.]+)", head)[:1])
    words, mark, types = text.rpartition(" (type: ")
    if not mark:
        words, types = text, ""
    if flag in TEXTS:
        words = TEXTS[flag]
    elif flag.startswith("trainer."):
        words = drop_defaults(words)
    if _DEFAULT.search(words):  # null stands for what the words tell
        types = types.replace(", default: null", "")
    lines = textwrap.wrap(
        f"{words} (type: {types}" if mark else words,
        WIDTH - _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    # A class path may be longer than the room for texts.
    lines = [line.rjust(WIDTH) if len(line) > WIDTH - _INDENT else " " * _INDENT + line for line in lines]
    if len(head) <= _INDENT - 2 and lines and lines[0].startswith(" " * _INDENT):
        lines[0] = head.ljust(_INDENT) + lines[0][_INDENT:]
    else:
        lines.insert(0, textwrap.fill(head, WIDTH, subsequent_indent="    ", break_on_hyphens=False))
    return "\n".join(lines)


def drop_defaults(text: str) -> str:
    """Return a text of Lightning's without the sentences about its defaults: the page gives ours.

    Examples:
        >>> drop_defaults("Stop after this many epochs. Disabled by default (None). If unset, defaults to ``1000``. Try -1.")
        'Stop after this many epochs. Try -1.'
    """
    sentences = re.split(r"(?<=[.)])\s+(?=[A-Z`])", text)
    return " ".join(sentence for sentence in sentences if not _DEFAULT.search(sentence))
