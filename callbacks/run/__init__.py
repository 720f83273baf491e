"""Keep runs alive: checkpoints, signals, non-finite steps, and facts about a run.

    every few minutes, each epoch, SIGTERM ──► last_checkpoint ──► last.ckpt: resumes at the exact step
    best headline, such as val/exact_match ──► best_checkpoint ──► best.ckpt: tested and exported
    the training rows, once           ──► training_memory ──► training_rows.npz: what `test` compares with
    a step that is not finite              ──► nonfinite_steps ──► left_out.csv

- *resume*: continue a run, bit by bit, as if it had never stopped.
- *whole*: a checkpoint is written completely or not at all; a full disk leaves the previous one intact.
- *values only*: only tensors and plain values are read from a checkpoint, never code.
- *suspects*: the rows that may have caused a skipped step.
"""
