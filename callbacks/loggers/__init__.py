"""Loggers for metrics, and the removal of secrets from all output.

    metrics, configuration ──► wandb_logger ──► W&B, online or in the run's folder
                          └──► metrics_csv  ──► metrics.csv, continued on resume
    all output of the process ──► secrets ──► (hidden)

- *secret*: a value under a name such as `api_key`, a secret environment variable's value, or a text shaped like a key.
- *printable*: untrusted text without terminal control characters.

A logger that fails does not stop the run.

Examples:
    >>> from callbacks.loggers.secrets import hide_secrets
    >>> hide_secrets({"project": "patois", "password": "swordfish"}, known=[])
    {'project': 'patois', 'password': '(hidden)'}
"""
