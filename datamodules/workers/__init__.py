"""Code that runs in other processes: notation calls that can be killed, OPSIN, and the number of cores.

    texts ──► worker_pool ──► guarded_worker ──► child process: a notation, with an alarm before each call
              one per core    results in order

- *guarded*: a call that takes too long or crashes loses only its own answer.
- *pool*: as many workers as this rank has cores.
- *reading*: OPSIN's answer to a name: a SMILES, or the reason why it gives none.

Examples:
    >>> from datamodules.workers.cores import share_of_cores
    >>> share_of_cores({"LOCAL_WORLD_SIZE": "100000"})  # at least one
    1
"""
