from __future__ import annotations

import shutil
import subprocess

import pytest

from cli.help_pages import saved_help


def complete(*words: str) -> list[str]:
    """Return what bash would offer for the last of some words."""
    script = saved_help(["--completion", "bash"])
    line = " ".join(f"'{word}'" for word in words)
    code = f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _patois; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_subcommands_flags_and_choices() -> None:
    assert complete("patois", "pre") == ["predict"]
    assert complete("patois", "fit", "--data.outp") == ["--data.output_column", "--data.output_notation"]
    assert complete("patois", "fit", "--data.split", "sc") == ["scaffold"]
    assert complete("patois", "fit", "--data.packing", "") == ["true", "false"]
    assert "--verbose" not in complete("patois", "fit", "--v")


def test_only_known_shells_have_a_script() -> None:
    assert (saved_help(["--completion", "zsh"]) or "").startswith("autoload")
    assert saved_help(["--completion", "tcsh"]) is None
