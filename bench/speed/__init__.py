"""Speed compared with other trainers: the measurements, run alternately, and their pages."""
