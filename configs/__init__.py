"""Configuration files (YAML) and the code that finds them by name or path."""
