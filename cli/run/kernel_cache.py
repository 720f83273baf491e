"""Where the compiler keeps its kernels, so that the next compiled run on the machine need not make them again."""

from __future__ import annotations

import os

from configs.lookup import find_cache_root

VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


def kernel_settings() -> dict[str, str]:
    """Return the environment variable that names the folder, none if the user set it; it must be set before PyTorch compiles.

    PyTorch's own default is a folder of the system's temporary ones, which a restart, a container or a cluster's job loses.
    The keys of the entries are PyTorch's: code, settings, versions and the processor.
    """
    root = find_cache_root()
    return {} if root is None or VARIABLE in os.environ else {VARIABLE: str(root / "kernels")}
