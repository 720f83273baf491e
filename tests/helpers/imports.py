"""What a statement imports, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "lightning", "transformers", "torchmetrics", "wandb", "pandas")


def loaded_by(statement: str) -> set[str]:
    """Return the heavy packages that a statement loads."""
    code = f"import sys\n{statement}\nsys.stdout.write(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split()) & set(HEAVY)
