"""A plain SVG: what a day costs against how long the median person waits, a panel for each stream. Pure."""

from collections.abc import Sequence
from math import log10

from bench.policy.rows import Row

WIDTH, HEIGHT, PAD, COLUMNS = 300, 210, 46, 3
WAITS = (0.3, 3600.0)  # seconds
OURS = ("auto", "chats auto")  # rings, so that nothing hides them
MARKS = {
    "auto": ("#c2410c", "auto, GPU alone"),
    "chats auto": ("#7c3aed", "ChatGpu=auto"),
    "Bedrock only": ("#0369a1", "Bedrock only"),
    "always on": ("#475569", "always on"),
    "5 s": ("#94a3b8", "5 s"),
    "300 s": ("#64748b", "300 s"),
    "900 s": ("#334155", "900 s"),
    "break-even": ("#15803d", "break-even"),
    "break-even (both)": ("#65a30d", "break-even, both"),
}


def svg(rows: Sequence[Row]) -> str:
    lines = -(-len(rows) // COLUMNS)
    width, height = WIDTH * COLUMNS, HEIGHT * lines + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="sans-serif" font-size="10">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        "<title>What a day costs against the median wait, by rule and stream</title>",
    ]
    for at, row in enumerate(rows):
        parts.append(_panel(row, WIDTH * (at % COLUMNS), HEIGHT * (at // COLUMNS)))
    for at, (colour, label) in enumerate(MARKS.values()):
        x = 12 + at * (width - 20) / len(MARKS)
        parts.append(f'<circle cx="{x:.0f}" cy="{height - 16}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 7:.0f}" y="{height - 12}">{label}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(row: Row, left: int, top: int) -> str:
    costs = [row.a_day[name] for name in MARKS]
    low, high = min(costs) * 0.8, max(costs) * 1.25

    def x(wait: float) -> float:
        share = log10(max(wait, WAITS[0]) / WAITS[0]) / log10(WAITS[1] / WAITS[0])
        return left + PAD + min(1.0, share) * (WIDTH - PAD - 14)

    def y(usd: float) -> float:
        return top + HEIGHT - 32 - log10(usd / low) / log10(high / low) * (HEIGHT - 62)

    base = top + HEIGHT - 32
    parts = [
        f'<text x="{left + PAD}" y="{top + 18}" font-weight="bold">{row.title}, {row.requests:,} requests</text>',
        f'<path d="M{left + PAD} {top + 28}V{base}H{left + WIDTH - 10}" fill="none" stroke="#94a3b8"/>',
    ]
    for wait, label in ((0.3, "0.3 s"), (8, "8 s"), (480, "8 min"), (3600, "1 h")):
        anchor = "end" if wait == 3600 else "middle"
        parts.append(f'<text x="{x(wait):.0f}" y="{base + 13}" text-anchor="{anchor}" fill="#475569">{label}</text>')
    for usd in (min(costs), max(costs)):
        text = f"${usd:.2f}" if usd >= 0.01 else f"${usd:.4f}"
        parts.append(f'<text x="{left + PAD - 4}" y="{y(usd) + 3:.0f}" text-anchor="end" fill="#475569">{text}</text>')
    for name, (colour, label) in MARKS.items():
        at, cost = x(row.waits[name]), y(row.a_day[name])
        said = f"<title>{label}: US$ {row.a_day[name]:.4f} a day, {row.waits[name]:.1f} s</title>"
        look = f'r="7" fill="none" stroke="{colour}" stroke-width="2.5"' if name in OURS else f'r="4" fill="{colour}"'
        parts.append(f'<circle cx="{at:.1f}" cy="{cost:.1f}" {look}>{said}</circle>')
    return "\n".join(parts)
