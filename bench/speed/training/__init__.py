"""Trainers that are timed beside each other, and the parts of a training step.

- *workload*: the rows, the weights and the optimizer that all trainers share.
- *trainer*: Patois, TRL, Hugging Face's Trainer, litgpt, or `plain_loop`, a bare loop over padded tensors.
- *ablation*: Patois without one of its ways to be fast. *Breakdown*: where a step's time goes.
- *MFU*: the share of the machine's arithmetic that a step uses.
"""
