"""Where metrics go (W&B, metrics.csv), and what must not: secrets."""
