"""Tokens, labels and batches; `examples` is the only place that masks."""
