"""What we know: articles, their releases, and finding the one that answers."""

from pitstop.base.processor import tell_blas

tell_blas()
