"""Generate text with a decoder, many rows at once: greedy, sampled, beam search, constrained.

    prompts ──► generate ──► continuous_batching ──► sampling ──► text, score, stopped
                      │      slots, kv_cache         constrained
                      │                              blocking
                      └────► hf_generate (beam search, other architectures)

- *slot*: a place in the batch. When a row finishes, a waiting row takes its slot.
- *score*: the sum of the log-probabilities of the generated tokens, including the stop token.
- *stopped*: the model generated its stop token; otherwise the text was truncated.
- *candidates*: the answers of a row from which a callback selects one by its checks.
- *constraint*: decides whether a prefix can still become a valid text. The caller defines validity.
- *draft*: the target of an evaluated row; as far as the model would have chosen its tokens they need no decoding.
- *source*: the text of a row that is to be worded in another way; *blocking* forbids some pairs of its tokens.

A row's text depends on its prompt, its index and the seed, and not on the other rows.
"""
