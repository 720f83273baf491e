"""Evaluated rows, and how notations, RDKit and OPSIN assess them.

    evaluated row ──► verdicts ──► outcomes
                       │           one of nine per row
                       └── notation_calls ──► guarded workers, each call made once

- *evaluated row*: a row of the data together with the model's answer.
- *verdict*: whether a prediction is valid, whether it is the target by each notion of its notation, how similar it is.
- *structures*: the molecule that the row asks for, and the one that the answer denotes.
- *training molecules*: the molecules of the training rows, and what an evaluated molecule shares with them.

A prediction may be any text, so notations check it in processes that can be killed.
"""
