"""Pictures of figures, as PNG files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib  # type: ignore[import-untyped]
import numpy as np

from bot.measures import Bin, calibration_error

matplotlib.use("Agg")

from matplotlib import pyplot

DPI = 110


def confusion(pairs: Iterable[tuple[str, str]], path: Path) -> None:
    """Draw what was meant against what was understood.

    The colour is the share of what was meant, the number how often.
    """
    counts = Counter(pairs)
    names = sorted({name for pair in counts for name in pair})
    table = np.array([[counts[a, b] for b in names] for a in names])
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure, axes = pyplot.subplots(figsize=(12, 11))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("understood")
    axes.set_ylabel("meant")
    for y, x in zip(*np.nonzero(table), strict=True):
        colour = "white" if shares[y, x] > 0.5 else "black"
        axes.text(x, y, table[y, x], ha="center", va="center", color=colour, fontsize=8)
    _save(figure, path)


def calibration(curves: Mapping[str, Sequence[Bin]], path: Path) -> None:
    """Draw how often right against how sure, and below how many predictions each bin holds."""
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(8, 9), sharex=True, gridspec_kw={"height_ratios": [3, 1]}
    )
    above.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as sure as right")
    wide = 0.8 / max(len(curves), 1)
    for number, (name, bins) in enumerate(curves.items()):
        some = [each for each in bins if each.count]
        label = f"{name}: expected calibration error {calibration_error(bins):.3f}"
        above.plot([b.sure for b in some], [b.right for b in some], marker="o", label=label)
        width = (bins[0].high - bins[0].low) * wide
        left = [b.low + width * (number + 0.5) + (0.1 * (b.high - b.low)) for b in bins]
        bars = below.bar(left, [b.count for b in bins], width=width)
        below.bar_label(bars, [b.count or "" for b in bins], fontsize=7)
    above.set_ylabel("share that is right")
    above.set_ylim(0, 1.02)
    above.legend()
    below.set_xlabel("how sure")
    below.set_ylabel("predictions")
    below.set_xlim(0, 1)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=DPI)
    pyplot.close(figure)
