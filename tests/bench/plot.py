"""Plots of the splitting benchmark as SVG, without any library."""
import html
import math

COLORS = {"windowed": "#4477aa", "paper": "#ee6677", "kahn": "#228833", "METIS": "#aa7700"}
WIDTH, HEIGHT, MARGIN = 760, 320, 60


class Plot:
    """Axes with logarithmic scales, and what is drawn into them."""

    def __init__(self, title, label, x, y):
        self.x, self.y = x, y
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="{MARGIN}" y="22" font-size="15">{html.escape(title)}</text>',
            f'<text x="{MARGIN}" y="42" fill="#555555">{html.escape(label)}</text>',
        ]

    def place(self, x, y):
        share = lambda value, axis: (math.log(value) - math.log(axis[0])) / (math.log(axis[-1]) - math.log(axis[0]))
        across, up = share(x, self.x) if self.x else x, share(y, self.y)
        return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN + 20 - up * (HEIGHT - 2 * MARGIN - 10)

    def add(self, text):
        self.parts.append(text)

    def text(self, x, y, text, anchor="middle", color="#000000"):
        self.add(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{html.escape(text)}</text>')

    def line(self, start, end, color, dash=""):
        (x, y), (x2, y2) = start, end
        self.add(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" stroke-dasharray="{dash}"/>')

    def rows(self, ticks, unit=""):
        for tick in ticks:
            left, right = self.place(self.x[0] if self.x else 0, tick), self.place(self.x[-1] if self.x else 1, tick)
            self.line(left, right, "#dddddd")
            self.text(left[0] - 6, left[1] + 4, f"{tick:g}{unit}", "end")

    def written(self):
        return "\n".join([*self.parts, "</svg>", ""])


def makespans(found, limit):
    """A dot for each workflow: how much longer barriers make it than its critical path. `found` is method to ratios; a
    workflow whose parts wait for each other has none."""
    total = max(len(ratios) for ratios in found.values())
    every = [ratio for ratios in found.values() for ratio in ratios if ratio]
    top = max(2, math.ceil(max(every)))
    plot = Plot(
        f"Makespan with barriers over the critical path, at most {limit} steps a part",
        f"one dot per workflow, n = {total}, the line is the geometric mean; cyclic parts are counted, not drawn",
        None,
        [1, top],
    )
    plot.rows([tick for tick in (1, 1.25, 1.5, 2, 3, 4, 5) if tick <= top])
    for number, (method, ratios) in enumerate(found.items()):
        center = (number + 0.5) / len(found)
        drawn = sorted(ratio for ratio in ratios if ratio)
        for place, ratio in enumerate(drawn):
            shift = ((place * 7) % 19 - 9) / 19 * 0.6 / len(found)
            x, y = plot.place(center + shift, max(1, ratio))
            plot.add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{COLORS[method]}" fill-opacity="0.6"/>')
        cyclic = len(ratios) - len(drawn)
        x, y = plot.place(center, 1)
        plot.text(x, y + 20, f"{method}, {cyclic} cyclic" if cyclic else method)
        if drawn:
            mean = math.exp(sum(map(math.log, drawn)) / len(drawn))
            half = 0.35 / len(found)
            plot.line(plot.place(center - half, mean), plot.place(center + half, mean), "#000000")
            x, y = plot.place(center + half, mean)
            plot.text(x + 4, y + 4, f"{mean:.3f}", "start")
    return plot.written()


def scale(found):
    """Milliseconds to split workflows of growing size, beside what linear growth would be."""
    sizes, times = [size for size, *_ in found], [time for _, time, *_ in found]
    low, high = min(times) / 2, max(times) * 2
    plot = Plot(
        "Time to split a random workflow",
        "milliseconds, best of three runs; the dashed line grows linearly from the first point",
        [sizes[0], sizes[-1]],
        [low, high],
    )
    plot.rows([tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if low <= tick <= high], " ms")
    ends = [plot.place(size, times[0] * size / sizes[0]) for size in (sizes[0], sizes[-1])]
    plot.line(*ends, "#888888", "5 4")
    points = [plot.place(size, time) for size, time in zip(sizes, times)]
    for start, end in zip(points, points[1:]):
        plot.line(start, end, COLORS["windowed"])
    for size, time, (x, y) in zip(sizes, times, points):
        plot.add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLORS["windowed"]}"/>')
        plot.text(x, y - 9, f"{time:.0f}")
        plot.text(x, HEIGHT - 14, f"{size:,}")
    return plot.written()
