from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.registry import known_implementations

from datamodules.rows.early_check import check_tables
from datamodules.sources import many_files
from datamodules.sources.head import read_head
from datamodules.sources.lookup import hash_source, load_source, refuse_many
from datamodules.sources.many_files import check_protocol, find_files, is_address, load_many, names_many
from datamodules.sources.rows import Rows
from datamodules.sources.tables import read

FLAGS = {"input_column": "word", "output_column": "back"}


def write_parquet(path: Path, first: int, count: int, **more: list[str]) -> None:
    words = [f"w{number}" for number in range(first, first + count)]
    pq.write_table(pa.table({"word": words, "back": [word[::-1] for word in words], **more}), path)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    folder = tmp_path / "shards"
    folder.mkdir()
    for number, count in enumerate((5, 0, 7)):
        write_parquet(folder / f"part-{number}.parquet", 10 * number, count)
    (folder / "_SUCCESS").touch()
    (folder / ".hidden.parquet").write_bytes(b"x")
    return folder


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shards: Path) -> Iterator[str]:
    """The same files in fsspec's memory."""
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path / "caches"))
    system = fsspec.filesystem("memory")
    for file in shards.iterdir():
        system.pipe(f"/data/{file.name}", file.read_bytes())
    yield "memory://data"
    system.rm("/data", recursive=True)


def see(rows: Rows) -> object:
    return rows.table.to_pydict(), rows.lines.tolist(), rows.total


def test_folder_glob_and_address_are_the_rows_of_all_files(shards: Path, memory: str) -> None:
    expected = [f"w{number}" for number in [*range(5), *range(20, 27)]]
    folder = load_source(str(shards))
    assert folder.table["word"].to_pylist() == expected
    assert folder.lines.tolist() == list(range(1, 13))
    assert folder.file == str(shards)
    for name in (
        f"{shards}/*.parquet",
        f"file://{shards}",
        f"file://{shards}/*.parquet",
        memory,
        f"{memory}/*.parquet",
    ):
        rows = load_source(name)
        assert see(rows) == see(folder)
        assert rows.file == name
        assert hash_source(name) == hash_source(str(shards))
        assert load_source(name).table.schema == folder.table.schema


def test_address_of_one_file_is_fetched_once(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{memory}/part-2.parquet"
    assert len(load_source(address).table) == 7
    system = fsspec.filesystem("memory")
    monkeypatch.setattr(type(system), "open", lambda *_, **__: pytest.fail("fetched again"))
    assert len(load_source(address).table) == 7


def test_changed_file_at_an_address_is_fetched_again(memory: str, shards: Path) -> None:
    address = f"{memory}/part-2.parquet"
    before = hash_source(address)
    fsspec.filesystem("memory").pipe("/data/part-2.parquet", (shards / "part-0.parquet").read_bytes())
    assert len(load_source(address).table) == 5
    assert hash_source(address) != before


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files; of a name with `silent` it tells neither size nor date."""

    def log_message(self, *_: object) -> None:
        pass

    def send_header(self, keyword: str, value: str) -> None:
        if "silent" not in self.path or keyword not in ("Content-Length", "Last-Modified"):
            super().send_header(keyword, value)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """The address of an HTTP server on this machine, and the folder that it serves."""
    pytest.importorskip("aiohttp")
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path / "caches"))
    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()


@pytest.mark.parametrize("name", ["t.csv", "silent.csv"])
def test_changed_file_behind_http_is_fetched_again(name: str, site: tuple[str, Path]) -> None:
    address, folder = site
    file = folder / name
    file.write_text("word,back\nx,y\n")
    before = hash_source(f"{address}/{name}")
    assert load_source(f"{address}/{name}").table["word"].to_pylist() == ["x"]
    file.write_text("word,back\nz,y\n")
    os.utime(file, (1e9, 1e9))
    assert load_source(f"{address}/{name}").table["word"].to_pylist() == ["z"]
    assert hash_source(f"{address}/{name}") != before


def test_unchanged_file_behind_http_is_fetched_once(site: tuple[str, Path]) -> None:
    address, folder = site
    (folder / "t.csv").write_text("word,back\nx,y\n")
    (first,) = find_files(f"{address}/t.csv")
    copied = first.path.stat()
    assert find_files(f"{address}/t.csv") == [first]
    assert (first.path.stat().st_ino, first.path.stat().st_mtime_ns) == (copied.st_ino, copied.st_mtime_ns)


@pytest.mark.parametrize("end", ["?download=1", "#top", "?path=/a/_b&ids[]=*"])
def test_address_of_the_web_may_have_a_query(end: str, site: tuple[str, Path]) -> None:
    address, folder = site
    (folder / "t.csv").write_text("word,back\nx,y\n")
    name = f"{address}/t.csv{end}"
    assert load_source(name).table["word"].to_pylist() == ["x"]
    assert [file.path.name for file in find_files(name)] == ["t.csv"]
    check_tables("fit", {"source": name, **FLAGS})
    with pytest.raises(ValueError, match=r"no table .* has this name"):
        load_source(f"{address}/page{end}")


def test_question_mark_elsewhere_is_a_glob_unless_a_file_has_it(memory: str) -> None:
    assert load_source(f"{memory}/part-?.parquet").total == 12
    system = fsspec.filesystem("memory")
    system.pipe("/data/part-?.parquet", system.cat("/data/part-0.parquet"))
    assert load_source(f"{memory}/part-?.parquet").total == 5


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    for name in ("a.csv", "b/a.csv", "b/c/a.csv", "b/c/b.csv"):
        path = tmp_path / "nested" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"word,back\n{name},y\n")
    return tmp_path / "nested"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("**/*.csv", ["a.csv", "b/a.csv", "b/c/a.csv", "b/c/b.csv"]),
        ("**/**/a.csv", ["a.csv", "b/a.csv", "b/c/a.csv"]),
        ("b/**", ["b/a.csv", "b/c/a.csv", "b/c/b.csv"]),
        ("*/*.csv", ["b/a.csv"]),
    ],
)
def test_two_asterisks_are_folders_at_any_depth(pattern: str, names: list[str], nested: Path) -> None:
    for source in (f"{nested}/{pattern}", f"file://{nested}/{pattern}"):
        assert load_source(source).table["word"].to_pylist() == names


def test_two_asterisks_stand_alone(nested: Path) -> None:
    for source in (f"{nested}/**.csv", f"file://{nested}/**.csv"):
        with pytest.raises(ValueError, match=r"\*\*"):
            load_source(source)


def test_tables_in_subfolders_are_not_left_out_without_a_word(nested: Path) -> None:
    for name in (str(nested), f"{nested}/", f"file://{nested}"):
        with pytest.raises(
            ValueError, match=r"subfolders hold some .*b/a\.csv.*nested/\*\.csv'.*nested/\*\*/\*\.csv'"
        ):
            load_source(name)
    (nested / "a.csv").unlink()
    for name in (str(nested), f"file://{nested}"):
        with pytest.raises(ValueError, match=r"is a folder; .*: name '[^']*nested/\*\*/\*\.csv'") as error:
            read_head(name)
        assert "\n" not in str(error.value)


def test_subfolders_of_no_tables_and_hidden_ones_are_no_matter(nested: Path) -> None:
    (nested / "b").rename(nested / ".b")
    (nested / "_c" / "d").mkdir(parents=True)
    (nested / "_c" / "d" / "e.csv").touch()
    (nested / "f").mkdir()
    (nested / "f" / "notes.md").touch()
    for name in (str(nested), f"file://{nested}"):
        assert load_source(name).table["word"].to_pylist() == ["a.csv"]


def test_folder_behind_http(site: tuple[str, Path], nested: Path) -> None:
    address, folder = site
    nested.rename(folder / "nested")
    with pytest.raises(ValueError, match=r"subfolders hold some .*/nested/\*\*/\*\.csv'"):
        load_source(f"{address}/nested/")
    assert load_source(f"{address}/nested/**/*.csv").total == 4
    assert load_source(f"{address}/nested/b/c/").total == 2


def test_rows_that_are_set_aside_have_their_own_file_and_line(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("word,back\nx,y\nbroken\nz,u\n")
    rows = load_source(str(tmp_path))
    assert [(Path(row.file).name, row.line) for row in rows.set_aside] == [("a.csv", 3), ("b.csv", 3)]
    assert rows.lines.tolist() == [2, 4, 6, 8]
    assert rows.total == 6


def test_columns_in_another_order_are_the_same_and_large_files_too(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = see(load_source(str(shards)))
    table = pq.read_table(shards / "part-2.parquet")
    pq.write_table(table.select(["back", "word"]), shards / "part-2.parquet")
    monkeypatch.setattr(many_files, "LARGE", 0)
    assert see(load_source(str(shards))) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: write_parquet(folder / "z.parquet", 0, 1, more=["x"]), "have the same columns, but .* has word, back"),
        (lambda folder: (folder / "z.csv").write_text("word,back\n"), r"end in \.csv, \.parquet: name one kind"),
        (lambda folder: [file.unlink() for file in folder.glob("p*")], "is a folder; it holds none"),
    ],
)  # fmt: skip
def test_folder_that_is_no_table_is_refused_in_a_line(change, message: str, shards: Path) -> None:  # type: ignore[no-untyped-def]
    change(shards)
    with pytest.raises(ValueError, match=message) as error:
        load_source(str(shards))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing/*.parquet", r"No source 'nothing/\*\.parquet': no table .* has this name"),
        ("memory://nowhere/x.parquet", "no table .* has this name"),
        ("nosuch://x/y.parquet", "Could not read 'nosuch://x/y.parquet': ValueError: Protocol not known"),
    ],
)
def test_names_of_nothing_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_source(name)


def test_early_checks_know_protocols_without_fetching(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"Could not read 'nosuch://x/y.csv': .*Protocol not known: nosuch"):
        check_tables("fit", {"source": "nosuch://x/y.csv", **FLAGS}, fetch=False)
    lacking = {"class": "no_such_package.System", "err": "Install no_such_package"}
    monkeypatch.setitem(known_implementations, "lacking", lacking)
    for address in ("lacking://x/y.csv", "simplecache::lacking://x/y.csv", "zip://y.csv::lacking://x/y.zip"):
        with pytest.raises(ValueError, match="Install no_such_package"):
            read_head(address, fetch=False)
    for address in ("memory://x/y.csv", "simplecache::memory://x/y.csv", "zip://y.csv::/nowhere/y.zip"):
        check_protocol(address)


def test_early_checks_read_the_first_file_with_rows(shards: Path, memory: str) -> None:
    write_parquet(shards / "part-.parquet", 0, 0)
    head = read_head(str(shards))
    assert head is not None
    assert head.columns == ["word", "back"]
    assert head.has_rows
    assert head.file == str(shards)
    check_tables("fit", {"source": f"{shards}/*.parquet", **FLAGS})
    with pytest.raises(ValueError, match=r"'wrd' is not a column of .*shards"):
        check_tables("fit", {"source": str(shards), **FLAGS, "input_column": "wrd"})
    assert read_head(memory, fetch=False) is None
    assert read_head(memory) == head._replace(file=memory)


def test_questions_stand_in_one_file(shards: Path) -> None:
    for path in (str(shards), f"{shards}/*.parquet", "memory://data/x.csv"):
        with pytest.raises(ValueError, match="Expected"):
            refuse_many(path)
        with pytest.raises(ValueError, match="Expected"):
            check_tables("predict", {"predict_path": path, **FLAGS})
    refuse_many(str(shards / "part-0.parquet"))


def test_files_whose_names_look_like_globs_are_files(tmp_path: Path) -> None:
    path = tmp_path / "a[1].csv"
    path.write_text("word,back\nx,y\n")
    assert not names_many(str(path))
    assert load_source(str(path)).total == 1
    assert not is_address("hf://datasets/a/b/c.csv")


def test_many_are_read_by_name(shards: Path) -> None:
    assert [file.path.name for file in find_files(str(shards))] == [
        f"part-{number}.parquet" for number in range(3)
    ]
    assert load_many(str(shards), partial(read.load, options=None)).total == 12
