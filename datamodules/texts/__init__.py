"""Turn rows into prompts and completions, in any epoch.

    row + (seed, epoch) ──► augmentation ──► rendering ──► prompt, completion
                            phrasing,         format,
                            spelling, gap     demonstrations

- *phrasing*: one wording of a task's instruction. *Spelling*: one of a molecule's many SMILES.
- *demonstration*: a solved training row before the question (`--data.shots`).

A row's texts are a pure function of seed, epoch and row: never of a worker, a rank or the clock.
"""
