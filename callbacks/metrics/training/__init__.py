"""What a model is told about its own answers while it trains.

    drawn candidates ──► CandidateRewards ──► rewards in [0, 1] ──► expected risk

The checks are those of `callbacks.rows`, which also judge an evaluation.
"""
