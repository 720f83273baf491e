"""docs/from_csv_to_names.ipynb runs from its first cell to its last, with a tiny base and one epoch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.runs import PROJECT, write_tiny_base

NOTEBOOK = PROJECT / "docs" / "from_csv_to_names.ipynb"


def test_notebook_is_kept_without_outputs() -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs the dev extra")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 4
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@pytest.mark.slow
def test_notebook_runs_from_a_table_to_a_named_molecule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs the dev extra")
    nbclient = pytest.importorskip("nbclient", reason="needs the dev extra")
    pytest.importorskip("ipykernel", reason="needs the dev extra")
    monkeypatch.setenv("PATOIS_NOTEBOOK_EPOCHS", "1")
    monkeypatch.setenv("PATOIS_NOTEBOOK_BASE", write_tiny_base(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs/chains/hf/model.safetensors").is_file()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)
    said = "".join(output.get("text", "") for output in outputs if output.output_type == "stream")
    assert "the table says" in said
    assert "by OPSIN" in said
