"""The loss of an optimizer step, and what surrounds the step.

    micro-batches of a window ──► loss: sum, count ──► gradient_accumulation ──► skip_step ──► optimizer
    on all ranks                                       / tokens of all           if finite     lr_schedule

- *window*: the micro-batches of one optimizer step on all ranks.
- *token mean*: the sum of all token losses divided by their number. Means of means would weigh short answers more.
- *skipped step*: one whose loss or gradients are not finite. All ranks leave it out alike.

`training_loss` chooses the fastest way to the same number, `cross_entropy` needs little memory for it, and
`resumed_optimizer` lets flags win over a checkpoint's optimizer.

Examples:
    >>> from lightning_modules.training.lr_schedule import warmup_cosine
    >>> warmup_cosine(step=4, total=100, warmup_fraction=0.1, min_fraction=0.0)  # half of the warm-up
    0.5
"""
