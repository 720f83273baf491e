from __future__ import annotations

import pytest
from jsonargparse import Namespace

from cli.checks.optimizer_check import check_optimizer


@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        ("torch.optim.SGD", {"lr": 0.1, "momentum": -1.0}, "SGD does not take these values: Invalid momentum value: -1.0"),
        ("torch.optim.AdamW", {"lr": 0.1, "eps": -1.0}, "AdamW does not take .*--model.optimizer.help AdamW"),
        ("torch.optim.SGD", {"lr": 0.1, "nesterov": True}, "Nesterov momentum requires"),
    ],
)  # fmt: skip
def test_values_that_the_class_refuses_are_told(path: str, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_optimizer(Namespace(class_path=path, init_args=Namespace(**arguments)))


def test_values_that_the_class_takes_are_taken() -> None:
    for path in ("torch.optim.AdamW", "torch.optim.SGD", "torch.optim.Adafactor", "torch.optim.Muon"):
        check_optimizer(Namespace(class_path=path, init_args=Namespace(lr=0.1)))
    check_optimizer(Namespace(class_path="torch.optim.AdamW", init_args=Namespace(lr=0.1, fused=True)))
    check_optimizer(lambda params: None)
