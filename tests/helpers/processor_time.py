"""Processor time, which unlike the wall clock does not depend on the machine's load."""

from __future__ import annotations

import resource


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have been waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
