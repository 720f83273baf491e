"""Tokenizers made in memory: byte-level, lossless, with the quirks of real families."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXTS = [
    "Question: Give the IUPAC name of this molecule. CCO\nAnswer: ethanol",
    "CC(=O)O acetic acid",
    "c1ccccc1 benzene",
] * 4


def make_tokenizer(
    begin: str | None = None, stop: str = "</s>", pad: str | None = "<pad>"
) -> PreTrainedTokenizerFast:
    """Return a BPE tokenizer; `begin` is put before each text, as OPT puts its `</s>`."""
    special = list(dict.fromkeys(token for token in (begin, stop, pad) if token))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    if begin:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, tokenizer.token_to_id(begin))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=begin, eos_token=stop, pad_token=pad)
