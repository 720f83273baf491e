from __future__ import annotations

import pytest
import torch

from cli.asking.choosing import choose
from datamodules.choices import Choices
from datamodules.formats import load_format
from datamodules.tasks import Side, Task
from datamodules.texts.asking import Asking
from tests.helpers.tiny import make_tiny, make_tokenizer

TASK = Task("t", Side("smiles"), Side("toxic"), choices=Choices(("no", "yes", "perhaps")))


@pytest.mark.parametrize("batch_size", [1, 64])
def test_each_question_has_a_probability_for_each_choice(batch_size: int) -> None:
    asked = make_tiny().eval(), make_tokenizer(False), Asking((TASK,), load_format("arrow")), TASK
    questions = ["CCO", "C", "CN1OSP(F)Br" * 9, "CO"]
    found = choose(*asked, questions, torch.device("cpu"), batch_size, room=12)
    assert found[2] is None
    alone = [choose(*asked, [text], torch.device("cpu"), 8, room=12)[0] for text in questions]
    for one, other in zip(found, alone, strict=True):
        if one is not None:
            assert sum(one) == pytest.approx(1, abs=1e-5)
            assert one == pytest.approx(other, abs=1e-5)
