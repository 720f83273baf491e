"""Measuring and making: `speed`, `studies` and `release`. It sees all rooms; no room sees it, and it is not installed.

- `speed`: side by side with other trainers, in turns; `make bench` writes docs/speed.md and docs/scaling.md.
- `studies`: grids of runs; `make study` writes docs/results.
- `release`: makes the models that ship, and their cards.
"""
