"""Share a decoder's weights, gradients and optimizer state out among ranks: FSDP2 of PyTorch. Pure torch.

Each rank keeps a part of the rows of each weight (its *shard*). A layer's weights are gathered from all ranks when the layer
runs, and dropped after it; its gradients are summed over the ranks, and each rank keeps its part of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map_only


def shard(decoder: nn.Module, mesh: DeviceMesh) -> None:
    """Share a decoder's weights out among the ranks of a mesh, in place. Every rank must call it, with equal weights.

    A layer is a unit, whose weights come and go together. The last one goes with what is outside of the layers (embeddings, the
    last norm), which stays from the forward pass to the end of the backward pass: the keys of a shared prefix pass their
    gradients into the last layer past its output, where a unit would notice that its weights are needed again.
    """
    for layer in find_layers(decoder)[:-1]:
        fully_shard(layer, mesh=mesh)
    fully_shard(decoder, mesh=mesh)


def find_layers(decoder: nn.Module) -> list[nn.Module]:
    """Return the modules of a decoder's outermost lists of modules, in order.

    Examples:
        >>> experts = nn.ModuleDict({"experts": nn.ModuleList([nn.Linear(1, 1)])})
        >>> len(find_layers(nn.ModuleDict({"layers": nn.ModuleList([experts, experts]), "head": nn.Linear(1, 1)})))
        2
    """
    found: list[nn.Module] = []
    for child in decoder.children():
        found += list(child) if isinstance(child, nn.ModuleList) else find_layers(child)
    return found


def is_sharded(module: nn.Module) -> bool:
    """Return whether a module's weights are shared out among ranks."""
    return isinstance(module, FSDPModule)


@torch.inference_mode(False)  # training could not use weights that are gathered into inference tensors
@torch.no_grad()
def gather(decoder: nn.Module) -> None:
    """Give each rank all weights until `scatter`. Every rank must call it; then ranks may run the decoder on their own."""
    for unit in _units(decoder):
        unit.set_reshard_after_forward(False, recurse=False)
        unit.unshard()


def scatter(decoder: nn.Module) -> None:
    """Drop the weights of other ranks that `gather` fetched."""
    for unit in _units(decoder):
        unit.reshard()
        unit.set_reshard_after_forward(unit is not decoder, recurse=False)


def _units(decoder: nn.Module) -> list[Any]:
    return [module for module in decoder.modules() if isinstance(module, FSDPModule)]


def agree(decoder: nn.Module, choice: bool, device: torch.device) -> bool:
    """Return whether all ranks choose what changes how often a decoder runs in a step: ranks gather weights together.

    Every rank must call it. Without shards each rank has its own choice.
    """
    if not is_sharded(decoder):
        return choice
    number = torch.tensor(int(choice), device=device)
    torch.distributed.all_reduce(number, torch.distributed.ReduceOp.MIN)
    return bool(number)


def own_part(tensor: Tensor) -> Tensor:
    """Return this rank's part of a tensor that is shared out, in the same memory; another tensor unchanged."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor that is shared out with all its parts; another tensor unchanged. Every rank must call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def collect(state: Any, keep: bool) -> Any:
    """Return a nested state whose tensors are whole and, if they were shared out, on the CPU. Every rank must call it.

    Args:
        state: Dicts and lists with tensors and plain values.
        keep: Whether this rank needs the tensors; elsewhere those that were shared out are empty.
    """

    def collect_one(tensor: DTensor) -> Tensor:
        found = tensor.full_tensor()  # one at a time: they need not fit on the device together
        return found.cpu() if keep else found.new_empty(0)

    return tree_map_only(DTensor, collect_one, state)


def share_out(tensor: Tensor, like: Tensor) -> Tensor:
    """Return a whole tensor shared out as another one of its shape is; unchanged if that is not shared out."""
    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None)


def share_out_state(state: dict[str, Any], parameters: Iterable[Tensor]) -> dict[str, Any]:
    """Return an optimizer's state dict, shared out as the optimizer's parameters are.

    Args:
        state: Whole, as `collect` returned it.
        parameters: The optimizer's, in the order of its groups.
    """
    shared = {
        number: {
            name: share_out(value, parameter)
            if isinstance(value, Tensor) and value.shape == parameter.shape
            else value
            for name, value in state["state"].get(number, {}).items()
        }
        for number, parameter in enumerate(parameters)
        if number in state["state"]
    }
    return {**state, "state": shared}
