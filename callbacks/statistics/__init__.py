"""Pure numbers: intervals, calibration, exact match by kind of row."""
