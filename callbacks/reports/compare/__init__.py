"""Runs on the same rows, side by side.

    tables of predictions ──► answers (verdicts by question) ──► pairs (two runs: difference, McNemar)
                                                             ──► standings (any number: shares, all pairs by Holm)
                          ──► kinds (AUROC and mean absolute error of any number of runs)
    config.yaml           ──► flags (those that differ)
    all of these          ──► terminal_tables, page          ──► __main__: the terminal, compare.html

- *question*: what a row asks: task, input, target. Runs are matched by it, not by the row's number.
- *shared*: the questions that all runs have answered.
- *standing*: how all runs do by one metric of one task.
"""
