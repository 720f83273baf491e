"""Processor time, which does not depend on what else the machine does, as the wall clock does."""

from __future__ import annotations

import resource


def processor_seconds() -> float:
    """Return the processor time of this process and of those of its children that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
