"""What a run does beside training: metrics, checkpoints, dashboards, reports."""
