"""Which file answers go to, in which format, and what our columns are called beside the user's."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from datamodules.limits import parse_shard
from datamodules.sources.tables.read import SUFFIXES, strip_suffix
from datamodules.storage.writable import check_file

FORMATS = (".csv", ".tsv", ".jsonl", ".xlsx", ".parquet")
"""Formats that can be written; all but parquet also gzipped."""
WRITTEN = (*FORMATS, *(f"{suffix}.gz" for suffix in FORMATS if suffix != ".parquet"))


def find_suffix(name: str) -> str:
    """Return the ending of a table's name, `.gz` included, in small letters; empty if it is none.

    >>> find_suffix("a.b.CSV.gz"), find_suffix("words")
    ('.csv.gz', '')
    """
    return name[len(strip_suffix(name)) :].lower()


def strip_gz(suffix: str) -> str:
    """Return an ending without `.gz`."""
    return suffix.removesuffix(".gz")


def has_openpyxl() -> bool:
    """Return whether Excel files can be written."""
    return find_spec("openpyxl") is not None


def output_name(source: str) -> str:
    """Return the name of the file with the answers to a file: of its own format where that can be written, else csv.

    >>> output_name("data/mols.tsv.gz"), output_name("mols.smi"), output_name("words"), output_name("new.jsonl")
    ('mols.tsv.gz', 'mols.csv', 'words.csv', 'new.jsonl')
    """
    name = Path(source).name
    stem, suffix = strip_suffix(name) or "predict", find_suffix(name)
    is_written = suffix in WRITTEN and (strip_gz(suffix) != ".xlsx" or has_openpyxl())
    return stem + (name[len(strip_suffix(name)) :] if is_written else ".csv")


def name_shard(path: Path, shard: str | None) -> Path:
    """Return the file with the answers to a shard, or the path itself if all rows are answered.

    >>> name_shard(Path("a/new.csv.gz"), "3/16").as_posix(), name_shard(Path("new.csv"), None).as_posix()
    ('a/new-03-of-16.csv.gz', 'new.csv')
    """
    if shard is None:
        return path
    number, count = parse_shard(shard)
    stem = strip_suffix(path.name) or "predict"
    return path.with_name(
        f"{stem}-{number:0{len(str(count))}}-of-{count}{path.name[len(strip_suffix(path.name)) :]}"
    )


def why_csv(source: str) -> str | None:
    """Return why the answers to a file are written as csv, although it is none."""
    suffix = find_suffix(Path(source).name)
    if not suffix or (suffix in WRITTEN and find_suffix(output_name(source)) == suffix):
        return None
    if strip_gz(suffix) == ".xlsx":
        return 'The answers are written as csv, since xlsx needs openpyxl: pip install -e ".[xlsx]".'
    return f"The answers are written as csv, since a {suffix} file holds no further columns."


def check_output(output: str, source: str) -> None:
    """Refuse a file for answers that cannot be written.

    Raises:
        ValueError: If its ending names no format, a package is missing, its folder does not exist, or it is the file itself.
    """
    path = Path(output).expanduser()
    suffix = next((suffix for suffix in WRITTEN[::-1] if path.name.lower().endswith(suffix)), "")
    if not suffix:
        raise ValueError(f"Expected --output to end in {', '.join(WRITTEN)}, or to be -, but got {output!r}.")
    if strip_gz(suffix) == ".xlsx" and not has_openpyxl():
        raise ValueError(
            f'--output {output}: an .xlsx file needs openpyxl: pip install -e ".[xlsx]"; or name a .csv.'
        )
    if not path.parent.is_dir():
        raise ValueError(
            f"--output {output}: expected a file in a folder that exists, but {path.parent} does not."
        )
    check_file("--output", path)
    if path.exists() and Path(source).expanduser().exists() and path.samefile(Path(source).expanduser()):
        raise ValueError(
            f"--output {output}: expected another file than --data.predict_path, which would be lost."
        )


def free_names(columns: Sequence[str], taken: Sequence[str]) -> dict[str, str]:
    """Return what our columns are called beside those of the user: a name that is taken gets a number.

    >>> free_names(["line", "score"], ["id", "line", "line_2"])
    {'line': 'line_3', 'score': 'score'}
    """
    used = set(taken)
    found = {}
    for column in columns:
        spellings = (column, *(f"{column}_{number}" for number in range(2, len(used) + 3)))
        found[column] = next(name for name in spellings if name not in used)
        used.add(found[column])
    return found


assert set(FORMATS) <= set(SUFFIXES)
