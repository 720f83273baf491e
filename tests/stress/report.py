"""Write docs/reliability.md: its words (`reliability.in.md`) with the table of docs/reliability.jsonl."""

from __future__ import annotations

import json
from typing import Any

from bench.markdown import as_table
from tests.stress.record import DOCS, RESULTS

PLACE = "<!-- stress tests -->\n"


def table(results: list[dict[str, Any]]) -> str:
    """Return the last result of each stress test and thing tried, by test; no minutes where none were taken."""
    last = {(result["gate"], result["what"]): result for result in results}
    return as_table(
        ("stress test", "what was tried", "tried", "passed", "minutes", "note"),
        [
            (
                str(result["gate"]), result["what"], f"{result['tried']:,}", f"{result['passed']:,}",
                "" if result["seconds"] is None else f"{result['seconds'] / 60:.1f}", result["note"],
            )
            for result in sorted(last.values(), key=lambda result: result["gate"])
        ],
    )  # fmt: skip


def page() -> str:
    """Return the whole page."""
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.is_file() else []
    text = (DOCS / "reliability.in.md").read_text(encoding="utf-8")
    return text.replace(
        PLACE, table([json.loads(line) for line in lines]) if lines else "Not measured yet.\n"
    )


if __name__ == "__main__":
    (DOCS / "reliability.md").write_text(page(), encoding="utf-8")
