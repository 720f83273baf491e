"""Text out of a decoder: greedy, sampled, by beam search, constrained; many rows at once.

    prompts ──► generate ──► continuous_batching ──► sampling ──► text, score, stopped
                      │      slots, kv_cache         constrained
                      └────► hf_generate (beam search, other architectures)

- *slot*: a place in the batch. A finished row leaves it, and a waiting one moves in.
- *score*: the sum of the log-probabilities of the written tokens, the stop token included.
- *stopped*: the model wrote its stop token; else it was cut.
- *candidates*: further answers of a row, drawn to be checked.
- *constraint*: says whether a beginning can still become a right text. What is right is the caller's.

A row's text depends on its prompt, its index and the seed: not on the rows beside it.
"""
