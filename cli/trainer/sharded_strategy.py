"""The strategy `sharded`: weights, gradients and optimizer state are shared out among the ranks (FSDP2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.strategies import ModelParallelStrategy, ParallelStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch.optim import Optimizer

from callbacks.lightning_private import set_data_parallel_size
from lightning_modules.decoder.sharding import collect, gather, is_sharded, scatter, shard, share_out_state


class ShardedStrategy(ModelParallelStrategy):
    """Lightning's strategy for FSDP2 over all ranks, with the checkpoints of one device.

    Lightning's own non-distributed checkpoints load state by other names than they save (pytorch-lightning#21357). Here
    weights are read before they are shared out, as without shards, and the optimizer's state goes by the numbers of its
    parameters, as PyTorch has it. So a fit may go on with another strategy, or on another number of ranks.

    Only a fit shares out. In its validations each rank has all weights, because ranks generate answers of different lengths.
    """

    def __init__(self) -> None:
        super().__init__(tensor_parallel_size=1, save_distributed_checkpoint=False)

    def setup_environment(self) -> None:
        """Start the process group; all ranks share the weights."""
        set_data_parallel_size(self, self.num_nodes * self.num_processes)
        super().setup_environment()

    def model_to_device(self) -> None:
        """Share the weights out among the devices in a fit; then move what is left."""
        module: Any = self.lightning_module
        if module.trainer.state.fn == TrainerFn.FITTING and not is_sharded(module.decoder):
            shard(module.decoder, self.device_mesh["data_parallel"])
        super().model_to_device()

    # Validation and generation: all weights on each rank

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Run a step; with `objective` risk it generates, too, so that each rank has all weights."""
        module: Any = self.lightning_module
        if module.objective == "risk":
            gather(module.decoder)
        return super().training_step(*args, **kwargs)

    def validation_step(self, *args: Any, **kwargs: Any) -> Any:
        """Fetch all weights for the first batch of a validation, when those that it is about are in place."""
        gather(self.lightning_module.decoder)  # type: ignore[union-attr, arg-type]
        return super().validation_step(*args, **kwargs)

    def on_validation_end(self) -> None:
        """Drop the weights of other ranks."""
        scatter(self.lightning_module.decoder)  # type: ignore[union-attr, arg-type]

    # Checkpoints: those of one device

    @property
    def restore_checkpoint_after_setup(self) -> bool:
        """False: weights are read before they are shared out."""
        return False

    @property
    def lightning_restore_optimizer(self) -> bool:
        """True: Lightning calls `load_optimizer_state_dict`."""
        return True

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """Read a checkpoint with the trainer's reader."""
        return ParallelStrategy.load_checkpoint(self, checkpoint_path, weights_only)

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        """Load weights into the module that is not shared out yet."""
        ParallelStrategy.load_model_state_dict(self, checkpoint, strict)

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """Return all weights on rank 0; every rank must call it."""
        assert self.lightning_module is not None
        scatter(self.lightning_module.decoder)  # type: ignore[arg-type]
        state: dict[str, Any] = collect(self.lightning_module.state_dict(), self.is_global_zero)
        return state

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """Return all of an optimizer's state on rank 0; every rank must call it."""
        state: dict[str, Any] = collect(optimizer.state_dict(), self.is_global_zero)
        return state

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Give each optimizer this rank's part of its state."""
        for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            optimizer.load_state_dict(share_out_state(state, parameters))
