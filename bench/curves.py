"""A curve as SVG: few lines of our own are less than a library, and the same on every machine."""

from html import escape
from math import log10

Point = tuple[float, float]

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50  # margins
TICKS = 4  # of the vertical axis, above 0


def svg(title: str, across: str, points: list[Point]) -> str:
    """A line through `points`, in ascending order, at least two: a logarithmic horizontal axis with
    a tick at each, whose name is `across`, and a linear vertical one from 0. Colours suit a light
    and a dark page."""
    first, last = (log10(points[end][0]) for end in (0, -1))
    top = _round_up(max(y for _, y in points))

    def place(x: float, y: float) -> Point:
        wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        at = LEFT + wide * (log10(x) - first) / (last - first)
        return round(at, 1), round(HEIGHT - BOTTOM - high * y / top, 1)

    parts = [_text(WIDTH / 2, 20, title), _text(WIDTH / 2, HEIGHT - 10, across)]
    for tick in range(TICKS + 1):
        value = top * tick / TICKS
        _, y = place(points[0][0], value)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#888" stroke-opacity=".4"/>')
        parts.append(_text(LEFT - 8, y, f"{value:,.0f}", 'text-anchor="end" dy=".3em"'))
    for x, y in points:
        at, up = place(x, y)
        parts.append(_text(at, HEIGHT - BOTTOM + 18, f"{x:,.0f}"))
        parts.append(f'<circle cx="{at}" cy="{up}" r="4" fill="#2a7ae2"/>')
        parts.append(_text(at, up - 10, f"{y:,.0f}"))
    line = " ".join("{},{}".format(*place(*point)) for point in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#2a7ae2" stroke-width="2"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' font-family="sans-serif" font-size="12" fill="#888" aria-label="{escape(title)}">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, more: str = 'text-anchor="middle"') -> str:
    return f'<text x="{x}" y="{y}" {more}>{escape(text)}</text>'


def _round_up(value: float) -> float:
    """The next number of one of the shapes 1, 2, 4 or 8 and zeros, above `value`."""
    step: float = 10 ** int(log10(value))
    return next(step * shape for shape in (1, 2, 4, 8, 10, 20) if step * shape > value * 1.05)
