"""Draws what `diffuscope bench --growth --json` prints on standard input as one SVG: a curve for each pair of what and against what.
  diffuscope bench --growth --json | python3 benches/growth.py docs/growth.svg
Of several runs one after the other, each point is the least. Both axes are logarithmic; the number in each corner is the slope between the last two points: 1 is linear, 0 constant."""
import json, math, sys
WIDTH, HEIGHT, COLUMNS, LEFT, TOP, RIGHT, BOTTOM = 300, 210, 3, 62, 34, 14, 40


def decades(low, high):
    return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def short(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def panel(title, axis, points, x0, y0):
    low, high = min(v for _, v in points), max(v for _, v in points)
    low, high = (low / 2, high * 2) if high < 10 * low else (low / 1.3, high * 1.3)
    left, right = math.log(points[0][0]), math.log(points[-1][0])
    x = lambda at: x0 + LEFT + (math.log(at) - left) / (right - left) * (WIDTH - LEFT - RIGHT)
    y = lambda value: y0 + HEIGHT - BOTTOM - (math.log(value / low) / math.log(high / low)) * (HEIGHT - TOP - BOTTOM)
    (a, b), (c, d) = points[-2:]
    slope = math.log(d / b) / math.log(c / a)
    out = [f'<text x="{x0 + LEFT}" y="{y0 + 20}" class="t">{title}</text>',
           f'<text x="{x0 + WIDTH - RIGHT}" y="{y0 + 20}" text-anchor="end">slope {slope:.2f}</text>',
           f'<text x="{x0 + (LEFT + WIDTH - RIGHT) / 2}" y="{y0 + HEIGHT - 6}" text-anchor="middle">{axis}</text>']
    ticks = [v for v in decades(low, high) if low <= v <= high] or [low, high]
    for v in ticks:
        out.append(f'<path d="M{x0 + LEFT} {y(v):.1f}H{x0 + WIDTH - RIGHT}" class="g"/>'
                   f'<text x="{x0 + LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{short(float(f"{v:.2g}"))}</text>')
    for i, (at, value) in enumerate(points):
        if i in (0, len(points) // 2, len(points) - 1):
            out.append(f'<text x="{x(at):.1f}" y="{y0 + HEIGHT - 22}" text-anchor="middle">{short(at)}</text>')
        out.append(f'<circle cx="{x(at):.1f}" cy="{y(value):.1f}" r="2.5"/>')
    line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in points)
    return out + [f'<polyline points="{line}"/>']


least = {}
for line in sys.stdin:
    point = json.loads(line)
    curve = least.setdefault((f'{point["what"]}, {point["unit"]}', point["against"]), {})
    curve[point["at"]] = min(point["value"], curve.get(point["at"], math.inf))
curves = {names: sorted(curve.items()) for names, curve in least.items()}
rows = math.ceil(len(curves) / COLUMNS)
parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * COLUMNS}" height="{HEIGHT * rows}">',
         "<style>text{font:11px sans-serif;fill:#444}.t{font-weight:bold;fill:#111}.g{stroke:#ddd}"
         "circle{fill:#2563eb}polyline{fill:none;stroke:#2563eb;stroke-width:1.5}</style>",
         '<rect width="100%" height="100%" fill="white"/>']
for i, ((title, axis), points) in enumerate(curves.items()):
    parts += panel(title, axis, points, i % COLUMNS * WIDTH, i // COLUMNS * HEIGHT)
open(sys.argv[1], "w").write("\n".join(parts + ["</svg>", ""]))
