"""Subcommands that need no trainer: ask, compare, runs, dashboard, demo, recombined, studies, env.

    words ──► main ──► a name of the table? ──► its module's main(words) ──► text on the terminal
                       checks.command_table

`cli.checks.command_table` says which there are, each with its module, which is imported only when it runs. Lightning's own
(`fit` and the others) are those of `cli.patois_cli`.
"""
