from __future__ import annotations

import json
from pathlib import Path

import pytest

from datamodules.storage.saved_plan import is_begun


def test_the_same_plan_goes_on_and_another_is_refused_by_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert not is_begun(path, {"seed": 1}, "chunks", "go away")
    path.write_text(json.dumps({"seed": 1, "old": 2}))
    assert is_begun(path, {"old": 2, "seed": 1}, "chunks", "go away")
    with pytest.raises(
        ValueError, match=r"Expected .* to hold chunks, but its seed is 1 and not 3: go away\.$"
    ):
        is_begun(path, {"seed": 3, "old": 2}, "chunks", "go away")
    with pytest.raises(ValueError, match=r"its old is 2 and not None"):
        is_begun(path, {"seed": 1}, "chunks", "go away")
    with pytest.raises(ValueError, match=r"its new is None and not 4"):
        is_begun(path, {"seed": 1, "old": 2, "new": 4}, "chunks", "go away")
