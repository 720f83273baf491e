"""Sharded fits give what DDP gives, in losses, weights, optimizer state, answers and checkpoints; each rank has a part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.sharded_runs import run_on_ranks
from tests.helpers.tiny import save_tiny

EXACT = ["plain", "clip by value", "bf16", "lora", "average", "recompute"]
"""Nothing is added up in another order than by DDP on two ranks."""
ROUNDED = ["clip", "accumulate", "momentum", "risk", "uneven"]
"""In `uneven` a rank's last batch is one row: no prefix to share, and the other rank must not share one, either."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sharded")


@pytest.fixture(scope="module")
def llama(folder: Path) -> dict[str, Any]:
    base = save_tiny(folder / "llama", num_hidden_layers=3)
    return run_on_ranks(base, 2, folder / "llama.pt", [*EXACT, *ROUNDED, "infinite"])


@pytest.fixture(scope="module")
def gpt2(folder: Path) -> dict[str, Any]:
    """Its embeddings are tied."""
    base = save_tiny(folder / "gpt2", "gpt2", n_layer=3)
    return run_on_ranks(base, 2, folder / "gpt2.pt", ["plain", "lora"])


def tensors_of(run: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Weights and optimizer state of a run by name."""
    moments = {
        f"{number} {name}": value
        for number, state in run["optimizer"]["state"].items()
        for name, value in state.items()
        if torch.is_tensor(value)
    }
    return {**run["state"], **moments}


def assert_equal(run: dict[str, Any], other: dict[str, Any], limit: float = 0.0) -> None:
    """Assert that losses, weights and optimizer state differ by at most `limit`."""
    tensors, others = tensors_of(run), tensors_of(other)
    assert list(tensors) == list(others)
    assert len(run["losses"]) == len(other["losses"]) > 0
    assert run["losses"] == pytest.approx(other["losses"], abs=limit, rel=0)
    for name, tensor in tensors.items():
        assert tensor.shape == others[name].shape
        assert (tensor - others[name]).abs().max() <= limit, name


@pytest.mark.parametrize("case", EXACT)
def test_two_ranks_equal_ddp_bit_by_bit(llama: dict[str, Any], case: str) -> None:
    assert_equal(llama[f"{case} sharded"], llama[f"{case} ddp"])
    assert llama[f"{case} sharded"]["losses"][0] != llama[f"{case} sharded"]["losses"][-1]


@pytest.mark.parametrize("case", ROUNDED)
def test_two_ranks_equal_ddp_up_to_rounding(llama: dict[str, Any], case: str) -> None:
    assert_equal(llama[f"{case} sharded"], llama[f"{case} ddp"], limit=2e-4)


@pytest.mark.parametrize("case", ["plain", "lora"])
def test_a_family_with_tied_embeddings_equals_ddp(gpt2: dict[str, Any], case: str) -> None:
    assert_equal(gpt2[f"{case} sharded"], gpt2[f"{case} ddp"])


@pytest.mark.parametrize("case", [*EXACT, *ROUNDED])
def test_ranks_answer_validation_rows_as_by_ddp(llama: dict[str, Any], case: str) -> None:
    texts = llama[f"{case} sharded"]["texts"]
    assert texts == llama[f"{case} ddp"]["texts"]
    assert texts[0] != texts[1]


@pytest.mark.parametrize("case", ["plain", "average", "lora", "risk"])
def test_each_rank_has_half_of_weights_and_optimizer_state(llama: dict[str, Any], case: str) -> None:
    for parts in llama[f"{case} sharded"]["parts"]:
        for own, all_ranks in parts.values():
            assert 0.45 < own / all_ranks < 0.55
    for parts in llama[f"{case} ddp"]["parts"]:
        assert all(own == all_ranks > 0 for own, all_ranks in parts.values())


def test_a_step_that_is_not_finite_on_one_rank_is_skipped_on_all(llama: dict[str, Any]) -> None:
    for strategy in ("sharded", "ddp"):
        assert llama[f"infinite {strategy}"]["left_out"] == [number == 1 for number in range(8)]
        assert all(tensor.isfinite().all() for tensor in tensors_of(llama[f"infinite {strategy}"]).values())


def test_a_checkpoint_resumes_bit_by_bit(llama: dict[str, Any]) -> None:
    """Lightning's own cannot be read back (pytorch-lightning#21357)."""
    unbroken, resumed = llama["plain sharded"], llama["sharded then sharded"]
    assert_equal(resumed, {**unbroken, "losses": unbroken["losses"][4:]})


@pytest.mark.parametrize("way", ["sharded then ddp", "ddp then sharded"])
def test_a_checkpoint_goes_on_with_the_other_strategy(llama: dict[str, Any], way: str) -> None:
    unbroken = llama["plain ddp"]
    assert_equal(llama[way], {**unbroken, "losses": unbroken["losses"][4:]})


def test_a_checkpoint_is_that_of_ddp(llama: dict[str, Any], folder: Path) -> None:
    own, other = (torch.load(folder / f"{name}.ckpt", weights_only=True) for name in ("sharded", "ddp"))
    assert list(own) == list(other)
    assert list(own["state_dict"]) == list(other["state_dict"])
    [state], [of_other] = own["optimizer_states"], other["optimizer_states"]
    assert state["param_groups"] == of_other["param_groups"]
    assert list(state["state"]) == list(of_other["state"])


@pytest.mark.slow
def test_four_ranks_equal_ddp(tmp_path: Path) -> None:
    base = save_tiny(tmp_path / "opt", "opt", num_hidden_layers=3)
    found = run_on_ranks(base, 4, tmp_path / "four.pt", ["momentum", "lora"])
    for case in ("momentum", "lora"):
        assert_equal(found[f"{case} sharded"], found[f"{case} ddp"], limit=2e-4)
        for parts in found[f"{case} sharded"]["parts"]:
            assert all(0.2 < own / all_ranks < 0.3 for own, all_ranks in parts.values())
    unbroken = found["momentum sharded"]
    resumed = found["sharded then sharded"]
    assert_equal(resumed, {**unbroken, "losses": unbroken["losses"][len(resumed["losses"]) :]})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_compiled_training_equals_ddp(tmp_path: Path) -> None:
    base = save_tiny(tmp_path / "llama", num_hidden_layers=3)
    found = run_on_ranks(base, 2, tmp_path / "compile.pt", ["plain", "compile"])
    assert_equal(found["compile sharded"], found["compile ddp"], limit=2e-3)
