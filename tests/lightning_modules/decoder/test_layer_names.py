from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightning_modules.decoder.layer_names import check_layer_names
from tests.helpers.runs import write_tiny_base


def test_names_that_a_base_lacks_are_told_without_its_weights(tmp_path: Path) -> None:
    base = write_tiny_base(tmp_path)
    with pytest.raises(
        ValueError,
        match=r"no linear layer of this llama is called .nope.; it has .*q_proj",
    ):
        check_layer_names(base, ["q_proj", "nope"], None)
    with pytest.raises(ValueError, match=r"--model.trainable: the pattern 'nope\*' matches no parameter"):
        check_layer_names(base, None, ["nope*"])


def test_names_that_a_base_has_are_accepted_and_draw_no_random_numbers(tmp_path: Path) -> None:
    base = write_tiny_base(tmp_path)
    state = torch.get_rng_state()
    check_layer_names(base, "attention", None)
    check_layer_names(base, ["q_proj"], None)
    check_layer_names(base, None, ["*norm*", "!model.norm*"])
    check_layer_names("nowhere/to-be-found", None, None)
    assert torch.equal(torch.get_rng_state(), state)
