"""Series over time as an SVG picture: panels below each other, without any library."""
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, GAP = 900, 150, 70, 30, 40
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad")


def points(values, top, seconds, most):
    for second, value in zip(seconds, values):
        if value is not None:
            yield "%.1f,%.1f" % (LEFT + (WIDTH - LEFT - 20) * second / (seconds[-1] or 1),
                                 top + HEIGHT - HEIGHT * value / most)


def panel(number, title, series, seconds):
    top = TOP + number * (HEIGHT + GAP)
    most = max([value for _, values in series for value in values if value is not None] + [1e-9]) * 1.1
    yield '<text x="%d" y="%d" font-weight="bold">%s</text>' % (LEFT, top - 8, escape(title))
    yield '<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#bbb"/>' % (
        LEFT, top, WIDTH - LEFT - 20, HEIGHT)
    for share in (0, 0.5, 1):
        yield '<text x="%d" y="%.0f" text-anchor="end">%.4g</text>' % (
            LEFT - 6, top + HEIGHT - HEIGHT * share + 4, most * share)
    for i, (label, values) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        yield '<polyline fill="none" stroke="%s" points="%s"/>' % (
            colour, " ".join(points(values, top, seconds, most)))
        yield '<text x="%d" y="%d" fill="%s" text-anchor="end">%s</text>' % (
            WIDTH - 25, top + 16 + 14 * i, colour, escape(label))


def draw(path, title, panels, seconds):
    """panels: (title, [(label, values), ...]); seconds: of each value."""
    height = TOP + len(panels) * (HEIGHT + GAP) + 20
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" '
             'font-size="11">' % (WIDTH, height), '<rect width="100%" height="100%" fill="white"/>',
             '<title>%s</title>' % escape(title)]
    for number, (name, series) in enumerate(panels):
        lines += panel(number, name, series, seconds)
    lines.append('<text x="%d" y="%d">0 to %d seconds: %s</text>' % (LEFT, height - 12, seconds[-1],
                                                                   escape(title)))
    with open(path, "w") as file:
        file.write("\n".join(lines + ["</svg>\n"]))
