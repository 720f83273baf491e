"""Speed beside other trainers: what is timed, in turns, and the pages that show it.

    cases ──► interleave ──► a process for each ──► speed.jsonl ──► report ──► docs/speed.md, docs/scaling.md
              old and new     stopwatch, memory
              take turns

- *case*: a decoder, a format and a precision. *Round*: each trainer once.
- *paired*: a ratio is taken within a round, so that a slow minute of a shared machine slows both sides; the page shows
  the median over rounds.
"""
