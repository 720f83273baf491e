"""The weights that ship as the flagship: from runs to folders, measured numbers and cards."""
