"""Weights that are shared out: what each rank has, and what of it comes together; two ranks in processes of their own."""

from __future__ import annotations

import inspect
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from torch.distributed.device_mesh import init_device_mesh

from lightning_modules.decoder.sharding import (
    agree,
    collect,
    find_layers,
    gather,
    is_sharded,
    own_part,
    scatter,
    shard,
    share_out,
    share_out_state,
    whole,
)
from tests.helpers.ports import free_port, join_ranks
from tests.helpers.tiny import ARCHITECTURES, make_tiny

IDS = torch.arange(3, 11)[None]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_are_found_in_all_families(architecture: str) -> None:
    layers = find_layers(make_tiny(architecture))
    assert len(layers) == 2
    assert "hidden_states" in inspect.signature(layers[0].forward).parameters


def test_without_shards_nothing_changes() -> None:
    decoder, tensor = make_tiny(), torch.ones(3)
    assert not is_sharded(decoder)
    assert agree(decoder, True, tensor.device)
    assert not agree(decoder, False, tensor.device)
    assert own_part(tensor) is whole(tensor) is share_out(tensor, torch.zeros(3)) is tensor
    state = {
        "state": {0: {"step": torch.tensor(1.0), "exp_avg": tensor}},
        "param_groups": [{"params": [0, 1]}],
    }
    assert collect(state, keep=False) == state
    assert share_out_state(state, [torch.zeros(3), torch.zeros(3)]) == state


def run_rank(rank: int, port: int, results: Path) -> None:
    join_ranks(rank, 2, port)
    torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=60))
    decoder = make_tiny(num_hidden_layers=3)
    expected, state = decoder(IDS).logits, {name: w.clone() for name, w in decoder.state_dict().items()}
    shard(decoder, init_device_mesh("cpu", (2,)))
    assert is_sharded(decoder)
    found = {
        "halves": sum(own_part(w).numel() for w in decoder.parameters())
        / sum(w.numel() for w in state.values()),
        "both agree": agree(decoder, True, IDS.device),
        "one disagrees": agree(decoder, rank == 0, IDS.device),
    }
    collected = collect(decoder.state_dict(), keep=rank == 0)
    if rank == 0:
        assert all(torch.equal(collected[name], weight) for name, weight in state.items())
    assert rank == 0 or all(tensor.numel() == 0 for tensor in collected.values())
    for name, parameter in decoder.named_parameters():
        assert torch.equal(share_out(state[name], parameter).to_local(), parameter.to_local())
        assert torch.equal(whole(parameter), state[name])
    with torch.inference_mode():
        gather(decoder)
        for _ in range(1 + 3 * rank):  # no rank waits for the other
            assert torch.equal(decoder(IDS).logits, expected)
    scatter(decoder)
    found["halves again"] = sum(own_part(w).numel() for w in decoder.parameters()) / sum(
        w.numel() for w in state.values()
    )
    decoder(IDS).logits.sum().backward()  # training can use what was gathered in inference mode
    found["norm"] = float(whole(torch.nn.utils.get_total_norm([w.grad for w in decoder.parameters()])))
    torch.save(found, results / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_ranks_have_halves_and_run_alone_when_gathered(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(run_rank, (free_port(), tmp_path), nprocs=2)
    decoder = make_tiny(num_hidden_layers=3)
    decoder(IDS).logits.sum().backward()
    norm = float(torch.nn.utils.get_total_norm([w.grad for w in decoder.parameters() if w.grad is not None]))
    for rank in (0, 1):
        found = torch.load(tmp_path / f"{rank}.pt")
        assert found.pop("norm") == pytest.approx(norm, rel=1e-5)
        assert found == {"halves": 0.5, "both agree": True, "one disagrees": False, "halves again": 0.5}
