"""The command line: Lightning's, with a folder for each run and one more subcommand, `show`.

    words ──► saved help? ──► flags and files ──► a run's folder ──► Lightning ──► one line and a status
              help_pages      argv, patois_cli    run_folder          Trainer       exit_status

- *words*: what is typed after the program's name. *Flag*: a word such as `--data.task`.
- *run*: one fit with its folder, `runs/NAME`. `--ckpt_path` resumes it, and the run's own configuration comes first.
- *mistake*: an error that the user can mend. It ends the program with one line, never with a traceback.

`main` starts here, and imports PyTorch only once something runs. What is decided before anything is loaded has a
module of its own: `class_allowlist`, `precision`, `strategy_check`, `hub_fallback`, `openmp`. `rank_watchdog` ends
all ranks when one dies. `demo` is the page in the browser.

Examples:
    >>> from cli.help_pages import saved_help
    >>> from cli.resume_diff import differences, say
    >>> saved_help(["fit", "--help"])[:36]
    'usage: python train.py [options] fit'
    >>> say(differences({"data": {"batch_size": 16}}, {"data": {"batch_size": 32}}))
    'Goes on with other flags than before: --data.batch_size 32 (was 16).'
"""
