from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest

from datamodules.notations.lookup import NOTATIONS, load_notation

HEAVY = {
    "torch",
    "lightning",
    "pytorch_lightning",
    "transformers",
    "pandas",
    "pyarrow",
    "scipy",
    "matplotlib",
}


def test_known_notations_are_those_of_the_folder() -> None:
    assert NOTATIONS == (
        "answer",
        "formula", "ipa", "iupac", "number", "phonemes", "polymer", "reaction", "selfies", "smiles", "text",
    )  # fmt: skip


@pytest.mark.parametrize("name", NOTATIONS)
def test_notations_have_the_four_functions(name: str) -> None:
    notation = load_notation(name)
    signatures = {
        "invalid_reason": ["text"],
        "is_valid": ["text"],
        "normalize": ["text"],
        "same": ["prediction", "target"],
    }
    for function, parameters in signatures.items():
        assert list(inspect.signature(getattr(notation, function)).parameters) == parameters
    assert notation.same("", "")["string"] is True
    assert notation.invalid_reason("") == "empty"


@pytest.mark.parametrize("name", ["smile", "worker", "lookup", "molecules", "_checks", "os", "../smiles", ""])
def test_unknown_notation_is_an_error_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"No notation is called .*formula, ipa, iupac, .*smiles, text"):
        load_notation(name)


def test_unknown_notation_suggests_a_similar_name() -> None:
    with pytest.raises(ValueError, match="Did you mean 'smiles'"):
        load_notation("smile")


@pytest.mark.pitfall(31)
def test_notations_load_nothing_heavy() -> None:
    imports = "; ".join(f"import datamodules.notations.{name}" for name in (*NOTATIONS, "lookup"))
    code = f"{imports}; import json, sys; json.dump(list(sys.modules), sys.stdout)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "rdkit.Chem" in loaded
    assert not HEAVY & loaded
    ours = {name.split(".")[0] for name in loaded} & {"lightning_modules", "callbacks", "configs"}
    assert not ours
    assert {name for name in loaded if name.startswith("datamodules.")} == {
        "datamodules.notations",
        *(f"datamodules.notations.{name}" for name in (*NOTATIONS, "lookup")),
        "datamodules.notations._checks",
        "datamodules.notations._name_parts",
        "datamodules.notations._unicode",
        "datamodules.notations.molecules",
        *(
            f"datamodules.notations.molecules.{name}"
            for name in ("edits", "relations", "smiles_syntax", "structure")
        ),
    }
