"""The command line: Lightning's, with a folder for each run and one more subcommand, `show`.

    arguments ──► saved help? ──► flags and files ──► a run's folder ──► Lightning ──► one line and a status
                  help_pages      argv, patois_cli    run_folder          Trainer       exit_status

- *argument*: a string after the program's name. *Flag*: an argument such as `--data.task`.
- *run*: one fit with its folder, `runs/NAME`. `--ckpt_path` resumes it and reads the run's own configuration first.
- *mistake*: an error that the user can fix. It ends the program with one line, never with a traceback.

`main` is the entry point and imports PyTorch only to run a subcommand. Each decision before loading has its own
module: `class_allowlist`, `precision`, `hub_fallback`, `openmp`; `trainer` holds what concerns Lightning's trainer.
`rank_watchdog` ends all ranks when one dies. `demo` is the browser page.

Examples:
    >>> from cli.help_pages import saved_help
    >>> from cli.resume_diff import differences, say
    >>> saved_help(["fit", "--help"])[:34]
    'usage: python train.py fit [flags]'
    >>> say(differences({"data": {"batch_size": 16}}, {"data": {"batch_size": 32}}))
    'Resuming with changed flags: --data.batch_size 32 (was 16).'
"""
