"""Tokens, labels and batches. `examples` is the only place that masks.

    prompt, completion ──► examples ──► length_limit ──► batching or packing ──► batch
                           ids, labels  skip and count   which rows together     input_ids, labels (B, T)

- *label*: the token to predict, or -100 where nothing is supervised. Masks go by position, never by id.
- *bucket*: as many batches as are sorted by length together, so that little is padding.
- *pack*: several rows end to end in one sequence, each as if alone.
- *filler row*: one that is only there so that every rank has a batch; its index is -1, and nothing counts it.

Examples:
    >>> import numpy as np
    >>> from datamodules.tokens.examples import Encoded
    >>> row = Encoded(np.array([5, 6, 7, 8, 2]), offsets=np.array([0, 5]), prompt_lengths=np.array([2]))
    >>> row.labels(0).tolist()  # two tokens of prompt, two of completion, and the stop token
    [-100, -100, 7, 8, 2]
    >>> row.labels(0, loss_on="all").tolist()
    [5, 6, 7, 8, 2]
"""
