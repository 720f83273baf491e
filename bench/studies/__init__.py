"""Studies: grids of runs, described by the W&B sweep files in configs/studies, run here without any server.

    configs/studies/NAME.yaml ──► grid ──► cells ──► NAME.jsonl ──► report ──► NAME.md, plots, HTML
                                  flags    fit, test  one line each   tables, verdicts, power laws

- *cell*: one setting of all flags, fitted and tested once. *Setting*: the same flags with any seed.
- *missing*: cells without a result. A study skips the others, so it can be killed and begun again.

Examples:
    >>> from bench.studies.grid import expand, find_study, read_study
    >>> study = read_study(find_study("epochs"), ["trainer.max_epochs=[1,2]"])
    >>> [cell["trainer.max_epochs"] for cell in expand(study)]
    [1, 2]
"""
