"""Evaluated rows, and what notations, RDKit and OPSIN say of them.

    evaluated row ──► verdicts ──► outcomes
                       │           one of nine a row
                       └── notation_calls ──► guarded workers, each question asked once

- *evaluated row*: a row of the data together with what the model made of it.
- *verdict*: valid, the same by a notion of its notation, how similar.
- *structures*: the molecule that was asked for, and the one that the answer means.
- *training molecules*: what an evaluated molecule shares with those that were trained on.

A prediction may be anything, so notations are asked in processes that can be killed.
"""
