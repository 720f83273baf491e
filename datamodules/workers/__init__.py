"""What runs in other processes: notations that can be killed, OPSIN, and how many cores there are.

    texts ──► worker_pool ──► guarded_worker ──► child process: a notation, an alarm before each call
              one a core      results in order

- *guarded*: a call that takes too long, or crashes, costs its own answer and nothing else.
- *pool*: as many workers as this rank has cores.
- *reading*: what OPSIN says a name means: a SMILES, or why there is none.

Examples:
    >>> from datamodules.workers.cores import share_of_cores
    >>> share_of_cores({"LOCAL_WORLD_SIZE": "100000"})  # never none
    1
"""
