"""Tokens, labels and batches. `examples` is the only place that masks.

    prompt, completion ──► examples ──► length_limit ──► batching or packing ──► batch
                           ids, labels  skip and count   which rows together     input_ids, labels (B, T)

- *label*: the token to predict, or -100 for an unsupervised token. Masks depend on position, never on the id.
- *bucket*: batches whose rows are sorted by length together, to reduce padding.
- *pack*: several rows end to end in one sequence, each processed as if alone.
- *filler row*: a row that only gives a rank a batch; its index is -1, and it is never counted.

Examples:
    >>> import numpy as np
    >>> from datamodules.tokens.examples import Encoded
    >>> row = Encoded(np.array([5, 6, 7, 8, 2]), offsets=np.array([0, 5]), prompt_lengths=np.array([2]))
    >>> row.labels(0).tolist()  # two prompt tokens, two completion tokens, and the stop token
    [-100, -100, 7, 8, 2]
    >>> row.labels(0, loss_on="all").tolist()
    [5, 6, 7, 8, 2]
"""
