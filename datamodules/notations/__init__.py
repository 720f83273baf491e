"""What kind of string a column holds: one module a notation, each with `normalize`, `is_valid` and `same`."""
