"""What keeps a run alive: checkpoints, signals, broken steps, and the facts of a run.

    every few minutes, each epoch, SIGTERM ──► last_checkpoint ──► last.ckpt: resumes at the exact step
    highest val/exact_match                ──► best_checkpoint ──► best.ckpt: tested and exported
    a step that is not finite              ──► nonfinite_steps ──► left_out.csv

- *resume*: go on with a run, bit by bit, as if it had never stopped.
- *whole*: a checkpoint is written in full or not at all; a full disk leaves the one before.
- *values only*: tensors and plain numbers are all that is read from a checkpoint. No code comes with it.
- *suspects*: the rows of a skipped step that may be to blame.
"""
