"""What a command line may do with Lightning's trainer.

    configs/lightning.yaml ──► support ──► checks: one line for what is refused, before anything is made
    parsed configuration   ──► parts: loggers, plugins, callbacks of the trainer ──► Trainer
    an error of Lightning's or the parser's ──► errors: one line

- *feature*: a public callback, strategy, precision, logger, plugin, profiler, accelerator or flag of Lightning's trainer.
- *works*, *refused*, *untried*: the three things that can be said of a feature; each is said in configs/lightning.yaml.
"""
