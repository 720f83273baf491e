from __future__ import annotations

import pytest

from datamodules.sources.tables.options import TableOptions


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"Expected --data\.encoding to be auto or an encoding .* but got 'utf8x'"
    ):
        TableOptions(encoding="utf8x")
