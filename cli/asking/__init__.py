"""A trained model, and what it answers: one class for `patois.load`, the notebook, `ask` and the demo page.

    folder or checkpoint ──► find ──► model ──► answers ──► text, or a table
                             tasks    loads, asks, checks

Importing it loads no PyTorch; loading a model does.
"""
