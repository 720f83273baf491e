"""The decoder language model: loading, loss and generation. It depends on no data module and no chemistry.

    batch ──► decoder ──► training: the sum of token losses, and their count ──► optimizer step
                     └──► generation: one text per row, its log-probability   ──► evaluation

- *base*: the pretrained decoder that a run starts from (`--model.base`).
- *supervised token*: a token whose label is not -100. The loss is the mean over all supervised tokens of a *window*: all
  micro-batches of an optimizer step, on all ranks.
- *score*: the sum of the log-probabilities of the generated tokens.

`causal_lm` holds the LightningModule; `evaluation` validates, tests and predicts for it; `minimum_risk` draws the candidates of
`--model.objective risk`. `decoder`, `training` and
`generation` are plain PyTorch and transformers. `builtin`, `bundled` and `flagship` hold tokenizers and weights.

Examples:
    >>> from lightning_modules.training.lr_schedule import warmup_cosine
    >>> [round(warmup_cosine(step, 100, warmup_fraction=0.1, min_fraction=0.1), 2) for step in (0, 9, 55, 100)]
    [0.1, 1.0, 0.55, 0.1]
"""
