"""Pretrained decoders: find, load, adapt and run them.

    --model.base ──► bases ──► decoders ──► vocabulary ──► adapters ──► forward
    name, folder,    resolve   weights,     new tokens     LoRA, or     logits at
    Hub id           the name  tokenizer                   all weights  some positions

- *base*: a decoder to start from, described by a file in configs/bases, a folder or a Hub id.
- *adapter*: a few new parameters that are trained instead of all weights.
- *shared prefix*: a common prefix of all rows of a batch, run once for all rows.

A loaded decoder is a plain transformers model and stays one, so any tool can load an exported run.

Examples:
    >>> from lightning_modules.decoder.bases import resolve_base
    >>> base = resolve_base("gpt2")
    >>> base.path, base.init
    ('openai-community/gpt2', 'pretrained')
"""
