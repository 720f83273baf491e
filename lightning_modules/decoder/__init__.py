"""Pretrained decoders: finding, loading, adapting and packing them."""
