"""What one test leaves behind reaches no other."""

from __future__ import annotations

import os

import pytest


@pytest.mark.parametrize("time", ["first", "second"])
def test_ranks_of_this_process_leave_nothing_to_the_next_test(time: str) -> None:
    import torch.distributed
    from lightning.fabric.plugins.environments import LightningEnvironment
    from lightning.fabric.utilities.distributed import _init_dist_connection

    assert "MASTER_PORT" not in os.environ
    assert not torch.distributed.is_initialized()
    _init_dist_connection(LightningEnvironment(), "gloo", global_rank=0, world_size=1)
    assert "MASTER_PORT" in os.environ
