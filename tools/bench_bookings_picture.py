"""A small picture: what something costs as rows pile up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10

Points = Sequence[tuple[int, float]]
_WIDTH, _HEIGHT = 640, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 20, 46, 56
_LINES = (("#0b6e99", "circle"), ("#c2410c", "square"))


def growth(curves: Mapping[str, Points], *, title: str, across: str, up: str, aim: float) -> str:
    """Return an SVG of some curves over a logarithmic axis, with a dashed line at the aim."""
    places = sorted({x for points in curves.values() for x, _ in points})
    low, high = log10(places[0]), log10(places[-1])
    top = 1.2 * max(aim, *(y for points in curves.values() for _, y in points))

    def x_of(value: float) -> float:
        return _LEFT + (log10(value) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y_of(value: float) -> float:
        return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img" font-family="sans-serif" font-size="13">',
        f"<title>{title}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15" fill="#111">{title}</text>',
        f'<text x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 12}" fill="#333" '
        f'text-anchor="middle">{across}</text>',
        f'<text transform="translate(18 {_HEIGHT / 2:.0f}) rotate(-90)" fill="#333" '
        f'text-anchor="middle">{up}</text>',
    ]
    for step in range(0, int(top) + 1, 10):
        y = y_of(step)
        drawn.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        drawn.append(
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" fill="#333" text-anchor="end">{step}</text>'
        )
    for place in places:
        drawn.append(
            f'<text x="{x_of(place):.1f}" y="{_HEIGHT - _BOTTOM + 20}" fill="#333" '
            f'text-anchor="middle">{place:,}</text>'
        )
    y = y_of(aim)
    drawn.append(
        f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#666" stroke-dasharray="6 4"/>'
        f'<text x="{_LEFT + 6}" y="{y - 6:.1f}" fill="#333">the aim: {aim:g} ms</text>'
    )
    for at, (name, points) in enumerate(curves.items()):
        colour, mark = _LINES[at % len(_LINES)]
        line = "L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in points)
        drawn.append(f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [_mark(mark, x_of(x), y_of(y), colour) for x, y in points]
        legend = _WIDTH - _RIGHT - 210 + at * 110
        drawn.append(_mark(mark, legend, 34, colour))
        drawn.append(f'<text x="{legend + 10}" y="38" fill="#111">{name}</text>')
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _mark(kind: str, x: float, y: float, colour: str) -> str:
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'
    return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{colour}"/>'
