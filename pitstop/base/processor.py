"""What this machine's processor can do, for the matrix library inside numpy.

OpenBLAS chooses its code by the processor's model number and falls back to that of a Pentium 4
for one that is newer than itself: four to eight times slower than what the processor can do.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

VARIABLE = "OPENBLAS_CORETYPE"
_KERNELS = (
    ("SkylakeX", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    ("Haswell", {"avx2", "fma"}),
)
"""OpenBLAS's code by what it needs, the quickest first."""


def blas_kernel(description: str) -> str | None:
    """Return the code that fits a processor as `/proc/cpuinfo` describes it; None: no opinion."""
    for line in description.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            known = set(value.split())
            return next((kernel for kernel, needs in _KERNELS if needs <= known), None)
    return None


def tell_blas(env: MutableMapping[str, str] | None = None) -> None:
    """Name the fitting code in the environment (the process's own by default).

    Works for what imports numpy after it, and for processes started with the environment; a
    choice that is there already stays.
    """
    env = os.environ if env is None else env
    cpuinfo = Path("/proc/cpuinfo")
    if VARIABLE in env or not cpuinfo.exists():
        return
    kernel = blas_kernel(cpuinfo.read_text(encoding="utf-8", errors="replace"))
    if kernel is not None:
        env[VARIABLE] = kernel
