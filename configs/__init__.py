"""Configuration files (YAML), and `lookup`, which finds them by name or path."""
