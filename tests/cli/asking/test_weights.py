from __future__ import annotations

import pytest

from cli.asking.weights import load_weights
from lightning_modules.decoder.bases import FLAGSHIP


def test_exported_folder_is_loaded_for_answering(capfd: pytest.CaptureFixture[str]) -> None:
    decoder, tokenizer, most = load_weights(FLAGSHIP)
    assert not decoder.training
    assert decoder.get_input_embeddings().weight.shape[0] >= len(tokenizer)
    assert most is not None
    assert most > 0
    assert "".join(capfd.readouterr()) == ""  # no progress bars
