"""Pretrained decoders: found, loaded, adapted, run.

    --model.base ──► bases ──► decoders ──► vocabulary ──► adapters ──► forward
    name, folder,    what it   weights,     new tokens     LoRA, or     logits at
    Hub id           means     tokenizer                   all weights  some positions

- *base*: a decoder to start from, described by a file of configs/bases, a folder or a Hub id.
- *adapter*: a few new parameters that are trained in place of all weights.
- *shared prefix*: a beginning that all rows of a batch have, run once for all of them.

What is loaded is a plain transformers model, and stays one, so that any tool loads what a run exports.

Examples:
    >>> from lightning_modules.decoder.bases import resolve_base
    >>> base = resolve_base("gpt2")
    >>> base.path, base.init
    ('openai-community/gpt2', 'pretrained')
"""
