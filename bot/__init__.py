"""The assistant: understands a message and decides the next step."""

from pitstop.base.processor import tell_blas

# Before anything imports numpy: without it, training takes several times as long.
tell_blas()
