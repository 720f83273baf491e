"""The decoder language model: how it is loaded, what its loss is, how it writes text. It knows no data and no chemistry.

    batch ──► decoder ──► training: the sum of token losses, and their count ──► optimizer step
                     └──► generation: one text a row, its log-probability    ──► evaluation

- *base*: the pretrained decoder that a run starts from (`--model.base`).
- *supervised token*: one whose label is not -100. The loss is the mean over those of the whole *window*: all
  micro-batches of an optimizer step, on all ranks.
- *score*: the sum of the log-probabilities of what was written.

`causal_lm` is Lightning's module; `evaluation` is its half that validates, tests and predicts. `decoder`, `training` and
`generation` are plain PyTorch and transformers. `builtin`, `bundled` and `flagship` hold tokenizers and weights.

Examples:
    >>> from lightning_modules.training.lr_schedule import warmup_cosine
    >>> [round(warmup_cosine(step, 100, warmup_fraction=0.1, min_fraction=0.1), 2) for step in (0, 9, 55, 100)]
    [0.1, 1.0, 0.55, 0.1]
"""
