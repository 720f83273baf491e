"""Configuration: YAML files, and `lookup`, which finds them by name or path. It imports nothing of Patois.

    --data.task smiles_to_iupac ──► configs/tasks/smiles_to_iupac.yaml ──► a mapping
    --data.task my_task.yaml    ──► my_task.yaml                       ──► a mapping

- *name*: a shipped file without its ending. *Path*: any other YAML file.
- `default.yaml` is the default fit. `tasks`, `formats`, `bases`, `tokens` and `adapters` are chosen by name.
- `trainer` and `debug` are stacked with `--config`. `studies` and `paper` are sweeps over flags.
- `help` holds the saved pages of `--help`.

Examples:
    >>> from configs.lookup import find_config, list_configs, load_yaml
    >>> list_configs("formats")[:3]
    ['alpaca', 'arrow', 'chat_template']
    >>> load_yaml(find_config("formats", "arrow"))["prompt"]
    '{{ input }} ->'
"""
