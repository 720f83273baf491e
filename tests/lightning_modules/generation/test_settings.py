from __future__ import annotations

import pytest

from lightning_modules.generation.settings import GenerationSettings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "beams"}, "strategy to be greedy, beam or sample, but got 'beams'"),
        ({"strategy": "beam", "num_beams": 1}, "num_beams to be at least 2"),
        ({"strategy": "sample", "temperature": 0.0}, "temperature to be above 0"),
        ({"strategy": "sample", "top_p": 1.5}, r"top_p to be in \(0, 1\], but got 1.5"),
        ({"max_new_tokens": 0}, "max_new_tokens to be at least 1"),
        ({"temperature": 0.5}, "temperature=0.5 has no effect with strategy 'greedy'"),
        ({"strategy": "sample", "num_beams": 8}, "num_beams=8 has no effect with strategy 'sample'"),
    ],
)
def test_settings_that_cannot_work_or_do_nothing_are_errors(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        GenerationSettings(**arguments)
