"""Studies: grids of runs, described by the W&B sweep files in configs/studies, run here without a server."""
