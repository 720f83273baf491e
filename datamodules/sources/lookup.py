"""Find a source by what the user calls it: a built-in name, a file, or a file on the Hugging Face Hub."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import re
from functools import partial
from pathlib import Path
from typing import Any

from datamodules.sources.many_files import hash_many, load_many, names_many
from datamodules.sources.rows import Rows
from datamodules.sources.shipped import SHIPPED
from datamodules.sources.tables import read
from datamodules.sources.tables.options import TableOptions
from datamodules.storage.cache_keys import hash_file

GENERATED = ("dna_to_protein", "string_rules")
"""Those whose rows are made by rules when they are loaded."""
MADE = ("recombined", "recombined_preferred")
"""Those whose rows `patois recombined` makes."""
BUILT_IN = tuple(
    sorted([*SHIPPED, *GENERATED, "cmudict", "english", "pubchem_small", *MADE, "textbook", "words"])
)
_HUB = re.compile(r"hf://datasets/(?P<repo>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?/(?P<file>.+)")


def download(address: str) -> Path:
    """Return the local copy of `hf://datasets/owner/name[@revision]/file.csv`, downloaded once.

    Raises:
        ValueError: If the address has another form or the file cannot be had.
    """
    found = _HUB.fullmatch(address)
    if found is None:
        raise ValueError(
            f"Expected hf://datasets/owner/name/file.csv (or owner/name@revision), but got {address!r}."
        )
    import huggingface_hub

    try:
        path = huggingface_hub.hf_hub_download(
            repo_id=found["repo"], filename=found["file"], revision=found["revision"], repo_type="dataset"
        )
    # Its own errors, those of its HTTP library (which changed over its versions) and of the disk have no common class.
    except Exception as error:
        raise ValueError(
            f"Could not download {address!r}: {type(error).__name__}: {error}. Check the name and the network, and set "
            "HF_TOKEN for a private or gated data set; or download the file yourself and give its path."
        ) from error
    return Path(path)


def find_built_in(name: str) -> Any:
    """Return what loads a built-in source: an object with `load()` and, where the rows stand in a file, its `path`."""
    if name in SHIPPED:
        return SHIPPED[name]
    room = "generated." if name in GENERATED else ""
    return importlib.import_module(f"datamodules.sources.{room}{name}")


def load_source(name_or_path: str, options: TableOptions | None = None) -> Rows:
    """Return the rows of a source.

    Args:
        name_or_path: One of `BUILT_IN`; the path of a file with one of `tables.read.SUFFIXES`; or
            `hf://datasets/owner/name/file.csv`; or a folder, a glob or an address of such files (see `many_files`).
        options: What the user says about a file.

    Raises:
        ValueError: If there is no such source or it cannot be read at all; single bad rows are set aside instead.
    """
    if name_or_path in BUILT_IN:
        rows: Rows = find_built_in(name_or_path).load()
        return rows
    if name_or_path.startswith("hf://"):
        return _named(read.load(download(name_or_path), options), name_or_path)
    if names_many(name_or_path):
        return load_many(name_or_path, partial(read.load, options=options))
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return _named(read.load(path, options), name_or_path)
    raise no_such_source(name_or_path)


def no_such_source(name_or_path: str) -> ValueError:
    """Return the error for a name that is neither a built-in source nor a file; it names the nearest of both."""
    path = Path(name_or_path).expanduser()
    is_path = len(path.parts) > 1 or path.name.lower().endswith(read.SUFFIXES)
    beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(name_or_path, BUILT_IN, n=1)
    files = difflib.get_close_matches(path.name, beside, n=1)
    found = [str(path.with_name(file)) for file in files]
    nearest = found or close if path.suffix else close or found
    if is_path:
        nearest = [name for name in found if name.lower().endswith(read.SUFFIXES)]
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    if is_path and "://" not in name_or_path:
        return ValueError(f"No source {name_or_path!r}: there is no such file.{hint}")
    return ValueError(
        f"No source {name_or_path!r}: it is neither a built-in one ({', '.join(BUILT_IN)}) nor a file here; "
        f"expected one of these names, the path of a {', '.join(read.SUFFIXES)} file, "
        f"a folder of them, or hf://datasets/owner/name/file.csv.{hint}"
    )


def refuse_many(path: str) -> None:
    """Refuse questions in several files, or in one that is not on this machine: each answer stands beside its question.

    Raises:
        ValueError: If the path is a folder, a glob or an address.
    """
    if not names_many(path):
        return
    folder = Path(path).expanduser()
    if folder.is_dir():
        found = sorted(file.name for file in folder.iterdir() if file.name.lower().endswith(read.SUFFIXES))
        has = f"it holds {', '.join(found[:5])}" if found else "it holds none"
        raise ValueError(f"Expected a table, but {path!r} is a folder; {has}.")
    raise ValueError(
        f"Expected --data.predict_path to be one table on this machine or on the Hub, but got {path!r}: copy it, or call predict "
        "once for each file."
    )


def hash_source(name_or_path: str) -> str | None:
    """Return what kind of source it is and the hash of its content, or None if there is no such source.

    The built-in sources' code is not part of it (see `fingerprints.describe_code`).
    """
    if name_or_path in BUILT_IN:
        source = find_built_in(name_or_path)
        data = [source.path] if hasattr(source, "path") else getattr(source, "files", list)()
        return " ".join([name_or_path, *(hash_file(path) for path in data if path.is_file())])
    if names_many(name_or_path):
        return hash_many(name_or_path)
    hub = name_or_path.startswith("hf://")
    path = download(name_or_path) if hub else Path(name_or_path).expanduser()
    # How a file is read goes by its ending.
    return f"{''.join(path.suffixes[-2:]).lower()} {hash_file(path)}" if path.is_file() else None


def _named(rows: Rows, name: str) -> Rows:
    """Return the rows under the name that the user gave, not under that of a cached copy."""
    set_aside = [dataclasses.replace(item, file=name) for item in rows.set_aside]
    return dataclasses.replace(rows, file=name, set_aside=set_aside)
