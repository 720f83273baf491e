"""Time and memory of tables over the number of their rows: preparing them for a fit, and predicting them.

make_tables ──► data_loading, large_tables, prediction_memory ──► data_plot
"""
