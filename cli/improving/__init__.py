"""Training on a model's own answers that pass a check: rounds of drawing, checking, keeping and fitting.

    origin    what is improved: weights, tasks, format, and the settings of further fits
    job       what is improved and how, as one value
    grounds   the real rows, read and split as a fit does
    inputs    texts to ask, without molecules that validation and test hold out
    drawing   candidates of a round, chunk by chunk, each with its reward
    keeping   the candidates of a round that become training rows, and its yield
    mixing    how many real and how many kept rows a fit sees
    fitting   an ordinary fit in a process of its own
    rounds    all rounds in one folder, resumable

A **candidate** is a sampled answer to an input. A **reward** in [0, 1] judges it. A candidate **passes** with the least reward
or more. An input is **mixed** if some of its candidates pass and some do not. The **yield** of a round is what became of its
candidates.
"""
