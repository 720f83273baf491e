"""What W&B shows of runs, beyond what they log by step.

    a run     ──► facts ──► its name, its sizes and contents in the config, best/... in the summary
    a project ──► layout (a plain description) ──► build (objects of wandb-workspaces) ──► a workspace and a report

- *facts*: what runs are told apart and grouped by: task, format, base, parameters, rows used, the table's hash.
- *best*: the metrics that were measured with the exported weights.
"""
