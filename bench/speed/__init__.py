"""Speed beside other trainers: what is timed, in turns, and the pages that show it."""
