from __future__ import annotations

import pytest
import torch

from lightning_modules.decoder.checkpoint_fit import other_weights
from tests.helpers.tiny import save_tiny
from tests.helpers.tiny_runs import make_module


def test_weights_of_another_base_are_told_in_one_line(tmp_path) -> None:
    module = make_module(save_tiny(tmp_path))
    module.configure_model()
    weights = module.state_dict()
    module.load_state_dict(weights)
    name = next(iter(weights))
    with pytest.raises(
        ValueError, match=r"do not fit --model\.base .*1 of \d+ differ.*\(1, 1\) in the checkpoint"
    ) as caught:
        module.load_state_dict({**weights, name: torch.zeros(1, 1)})
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="missing in the checkpoint"):
        module.load_state_dict({other: tensor for other, tensor in weights.items() if other != name})


def test_error_lists_what_differs() -> None:
    error = other_weights(
        {"a": torch.zeros(2), "b": torch.zeros(2)}, {"a": torch.zeros(2), "c": torch.zeros(1)}, "x"
    )
    assert "2 of 2 differ, such as c, (1,) in the checkpoint and missing in the model" in str(error)
