"""Sources that make their rows by rules when they are loaded."""
