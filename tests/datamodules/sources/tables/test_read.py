from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules.sources.tables.read import SUFFIXES, load


def test_other_files_are_errors_that_say_what_works(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"expected a file that ends in \.csv, \.tsv, .*\.jsonl, .*\.csv\.gz"
    ):
        load(tmp_path / "rows.doc")
    with pytest.raises(ValueError, match="expected a file, but there is none"):
        load(tmp_path / "rows.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match="expected a file, but there is none"):
        load(tmp_path / "folder.csv")


LINES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [
                b"a,b",
                b'"x',
                b'"a\n',
                b'x"',
                b"",
                b",",
                b"\r",
                b"\xff,1",
                b"\0",
                b'{"a": "b"}',
                b'{"a":["\\ud800"]}',
            ]
        ),
        st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    ),
    max_size=20,
)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, header=st.booleans(), damage=st.integers(0, 400))
def test_no_bytes_crash_the_reader_or_are_lost(
    tmp_path: Path, suffix: str, lines: list[bytes], header: bool, damage: int
) -> None:
    content = b"\n".join([b"a,b"] * header + lines)
    if suffix.endswith(".gz"):
        content = gzip.compress(content)
        content = content[: max(1, len(content) - damage)] if damage < 200 else content
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(content)
    try:
        rows = load(path)
    except ValueError:
        return
    assert rows.table.num_rows + len(rows.set_aside) == rows.total
    numbers = sorted([*rows.lines.tolist(), *(item.line for item in rows.set_aside)])
    assert len(set(numbers)) == rows.total
    assert all(item.text.isprintable() and item.reason for item in rows.set_aside)
    rows.table.validate(full=True)
