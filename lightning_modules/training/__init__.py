"""The loss of an optimizer step, and the step itself.

    micro-batches of a window ──► loss: sum, count ──► gradient_accumulation ──► skip_step ──► optimizer
    on all ranks                                       / tokens of all           if finite     lr_schedule

- *window*: the micro-batches of one optimizer step on all ranks.
- *token mean*: the sum of all token losses divided by their number. A mean of means would give short answers more weight.
- *skipped step*: a step whose loss or gradients are not finite. All ranks skip it together.

`training_loss` chooses the fastest computation of the same loss, `cross_entropy` computes it in little memory, `expected_risk`
makes the loss of rows out of those of their candidates' tokens, and `resumed_optimizer` lets flags override a checkpoint's
optimizer settings.

Examples:
    >>> from lightning_modules.training.lr_schedule import warmup_cosine
    >>> warmup_cosine(step=4, total=100, warmup_fraction=0.1, min_fraction=0.0)  # half of the warm-up
    0.5
"""
