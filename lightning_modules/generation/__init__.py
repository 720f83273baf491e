"""Text out of a decoder: greedy, sampled, beam, constrained; many rows at once."""
