"""Shell completion out of the saved list of flags: `eval "$(patois --completion bash)"`.

By hand: shtab and argcomplete build the parsers, which imports PyTorch at each press of the tab key or needs their package.
"""

from __future__ import annotations

import json
from pathlib import Path

SHELLS = ("bash", "zsh")
_BASH = """_patois() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=
    case $before in
%(choices)s
    esac
    if [ -z "$words" ] && [ "$COMP_CWORD" -eq 1 ]; then words="%(commands)s --help"
    elif [ -z "$words" ] && [ "${word#-}" != "$word" ]; then
        case ${COMP_WORDS[1]} in
%(flags)s
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _patois patois
"""


def completion_script(shell: str, path: Path) -> str:
    """Return the script that completes subcommands, flags and their choices of the command `patois`.

    Args:
        shell: One of `SHELLS`.
        path: The saved list of flags.
    """
    saved = json.loads(path.read_text(encoding="utf-8"))
    choices = [
        f'        --{name}) words="{" ".join(values)}" ;;'
        for name, flag in sorted(saved["flags"].items())
        if (
            values := [
                *flag.get("choices", ()),
                *(("true", "false") if "bool" in flag.get("types", ()) else ()),
            ]
        )
    ]
    flags = [
        f'            {command}) words="{" ".join(f"--{name}" for name in [*names, "help-all", "quiet"])}" ;;'
        for command, names in saved["subcommands"].items()
    ]
    script = _BASH % {
        "choices": "\n".join(choices), "commands": " ".join(saved["subcommands"]), "flags": "\n".join(flags)
    }  # fmt: skip
    return f"autoload -U +X bashcompinit && bashcompinit\n{script}" if shell == "zsh" else script
