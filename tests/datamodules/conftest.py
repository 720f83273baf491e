"""Tokenizers, molecules and a guarded worker for the tests of data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from datamodules.workers.guarded_worker import GuardedWorker
from tests.helpers.bpe import make_tokenizer
from tests.helpers.small_tables import write_csv


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer(begin="<s>")


@pytest.fixture(scope="session")
def tokenizer_of() -> Callable[..., PreTrainedTokenizerFast]:
    return make_tokenizer


@pytest.fixture
def words(tmp_path: Path) -> str:
    """A table of 400 words and the same reversed."""
    return write_csv(
        tmp_path / "words.csv", [["word", "reversed"], *[[f"w{n}", f"{n}w"] for n in range(400)]]
    )


# Real molecules with what makes them hard: stereo of both kinds, salts, metals, isotopes, charges, tautomers.
_TEXT = r"""
C O [H][H] [Na+].[Cl-] CCO CCO.CCO COC C[C@H](N)C(=O)O C[C@@H](N)C(=O)O CC(N)C(=O)O C[C@H]([NH3+])C(=O)[O-] C/C=C/C
C/C=C\C CC=CC Oc1ccccn1 O=c1cccc[nH]1 [2H]C([2H])([2H])O [13CH4] CC(=O)[O-] CC(=O)O C[N+](C)(C)C O=[N+]([O-])c1ccccc1
CC(=O)Oc1ccccc1C(=O)O CN1C=NC2=C1C(=O)N(C(=O)N2C)C CC(C)Cc1ccc([C@@H](C)C(=O)O)cc1 OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O
C1CC1 C1CCCCC1 c1ccc2ccccc2c1 c1ccc2[nH]ccc2c1 c1cc[se]c1 C[Si](C)(C)C O=S(=O)(O)O [Fe+2].[Cl-].[Cl-] N[Pt](N)(Cl)Cl
CC12CCC3C(C1CCC2O)CCC4=CC(=O)CCC34C C[C@]12CC[C@H]3[C@H]([C@@H]1CC[C@@H]2O)CCC4=CC(=O)CC[C@]34C [C-]#[O+] N#N
OC1CCC(O)CC1 O[C@H]1CC[C@H](O)CC1 O[C@H]1CC[C@@H](O)CC1 CS(C)=O C[S@](=O)c1ccccc1 F[P-](F)(F)(F)(F)F C1=CC=CC=CC=C1
C(=O)(N)N NC(N)=N CC(C)(C)c1ccc(O)cc1 CCN(CC)CC.Cl O=C1CCCN1 OC(C)=CC(C)=O CC(=O)CC(C)=O [O-][Cl+3]([O-])([O-])O
O=C(O)[C@H](O)[C@@H](O)C(=O)O O=C(O)[C@@H](O)[C@H](O)C(=O)O C1C2CC3CC1CC(C2)C3 c1ccc(-c2ccccc2)cc1
"""


@pytest.fixture(scope="session")
def molecules() -> list[str]:
    """Some 60 valid SMILES, not all canonical."""
    return _TEXT.split()


@pytest.fixture(scope="session")
def slow_molecule() -> str:
    """Ten uranium atoms, each bonded to all others (246 characters): RDKit's path fingerprint takes 28 s."""
    closures: dict[tuple[int, int], int] = {}
    atoms = []
    for atom in range(10):
        others = [other for other in range(10) if abs(atom - other) > 1]
        pairs = [(min(atom, other), max(atom, other)) for other in others]
        atoms.append("[U]" + "".join(f"%{closures.setdefault(pair, 10 + len(closures))}" for pair in pairs))
    return "".join(atoms)


@pytest.fixture
def worker() -> Iterator[GuardedWorker]:
    with GuardedWorker() as started:
        yield started
