"""Shapes, texts and grounds as SVG, in the many ways that people draw them.

Nothing of the training's renderer is used: SVG is drawn by resvg, papers and photographs are others, and so are the fonts.
"""

from __future__ import annotations

import base64
import io
import math
import random
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageColor

PAINTS = {
    "red": ("#e53935", "#c62828", "#ff1a1a"),
    "green": ("#43a047", "#2e7d32", "#00b04f"),
    "blue": ("#1e88e5", "#1565c0", "#2438d6"),
    "yellow": ("#fdd835", "#ffeb3b", "#ffe100"),
    "orange": ("#fb8c00", "#f57c00", "#ff9800"),
    "purple": ("#8e24aa", "#6a1b9a", "#9c27b0"),
    "black": ("#1b1b1b", "#000000", "#111418"),
    "white": ("#ffffff", "#fdfdfd"),
    "pink": ("#f48fb1", "#ff80bf", "#f8a5c2"),
    "brown": ("#795548", "#6d4c41", "#8b4513"),
    "grey": ("#9e9e9e", "#757575", "#8d8d92"),
}
BASIC = tuple(PAINTS)[:8]  # the colours of the smaller world
PAPERS = (
    "#ffffff",
    "#ffffff",
    "#fffdf5",
    "#f5f5f5",
    "#e3f2fd",
    "#fce4ec",
    "#263238",
    "#37474f",
    "#d7ccc8",
    "#c5e1a5",
)
STYLES = ("flat", "outline", "scribble", "gradient", "pencil")
# By kind of lettering: the package that carries the font, its file, and the family's name in it. Training has none of them.
FONTS = {
    "serif": (("fontpkg_pt_serif", "PT_Serif-Web-Regular.ttf", "PT Serif"),
              ("fontpkg_dm_serif_text", "DMSerifText-Regular.ttf", "DM Serif Text")),
    "mono": (("fontpkg_dm_mono", "DMMono-Regular.ttf", "DM Mono"),),
    "bold": (("fontpkg_archivo_black", "ArchivoBlack-Regular.ttf", "Archivo Black"),
             ("fontpkg_pt_serif", "PT_Serif-Web-Bold.ttf", "PT Serif")),
    "hand-written": (("fontpkg_indie_flower", "IndieFlower-Regular.ttf", "Indie Flower"),
                     ("fontpkg_permanent_marker", "PermanentMarker-Regular.ttf", "Permanent Marker"),
                     ("fontpkg_caveat", "Caveat[wght].ttf", "Caveat")),
}  # fmt: skip
MODULES = (
    "resvg_py",
    "sklearn",
    *dict.fromkeys(package for fonts in FONTS.values() for package, _, _ in fonts),
)
# As PyPI spells them.
PACKAGES = tuple(
    "scikit-learn" if name == "sklearn" else name.replace("_", "-") for name in MODULES
)
Corner = tuple[float, float]


def corners(shape: str) -> list[Corner]:
    """A shape's corners around (0, 0), none further away than 1; a circle as many short sides."""
    if shape == "circle":
        return [(math.cos(k * math.pi / 18), math.sin(k * math.pi / 18)) for k in range(36)]
    if shape == "square":
        return [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)]
    if shape == "triangle":
        return [(0, -0.95), (0.95, 0.75), (-0.95, 0.75)]
    if shape == "diamond":
        return [(0, -1), (0.72, 0), (0, 1), (-0.72, 0)]
    if shape == "cross":
        a, b = 0.3, 0.95
        return [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a)]  # fmt: skip
    radii = (1.0, 0.42)
    angles = [math.pi * k / 5 - math.pi / 2 for k in range(10)]
    return [(radii[k % 2] * math.cos(a), radii[k % 2] * math.sin(a)) for k, a in enumerate(angles)]


def shape_svg(shape: str, paint: str, style: str, x: float, y: float, r: float, rng: random.Random) -> str:  # fmt: skip
    """One shape of radius r around (x, y)."""
    turn = rng.uniform(-8, 8)
    points = [_rotated(corner, turn, x, y, r) for corner in corners(shape)]
    name = f"p{rng.randrange(1 << 30)}"
    if style == "outline":
        width = r * rng.uniform(0.14, 0.26)
        return f'<path d="{_straight(points)}" fill="none" stroke="{paint}" stroke-width="{width:.1f}" stroke-linejoin="{rng.choice(("round", "miter"))}"/>'
    if style == "scribble":
        return _scribble(points, paint, name, x, y, r, rng)
    if style == "gradient":
        return _shaded(points, paint, name, rng)
    if style == "pencil":
        line = f'stroke="{paint}" stroke-width="{r * rng.uniform(0.05, 0.1):.1f}" stroke-linecap="round"'
        fill = paint if rng.random() < 0.6 else "none"
        twice = f'<path d="{_by_hand(points, r, rng)}" fill="none" {line}/>' * rng.randint(0, 1)
        return f'<path d="{_by_hand(points, r, rng)}" fill="{fill}" {line}/>{twice}'
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{paint}"/>'
    return f'<path d="{_straight(points)}" fill="{paint}"/>'


def _rotated(corner: Corner, degrees: float, x: float, y: float, r: float) -> Corner:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return x + r * (corner[0] * cos - corner[1] * sin), y + r * (corner[0] * sin + corner[1] * cos)


def _straight(points: list[Corner]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points) + "Z"


def _by_hand(points: list[Corner], r: float, rng: random.Random) -> str:
    """The outline in one unsteady movement: its sides bend and its end misses its beginning."""
    shake = r * (0.018 if len(points) > 20 else 0.06)
    moved = [(x + rng.gauss(0, shake), y + rng.gauss(0, shake)) for x, y in [*points, points[0]]]
    path = f"M{moved[0][0]:.1f},{moved[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(moved):
        bend_x, bend_y = (x1 + x2) / 2 + rng.gauss(0, shake), (y1 + y2) / 2 + rng.gauss(0, shake)
        path += f"Q{bend_x:.1f},{bend_y:.1f} {x2:.1f},{y2:.1f}"
    return path


def _scribble(points: list[Corner], paint: str, name: str, x: float, y: float, r: float, rng: random.Random) -> str:  # fmt: skip
    """Filled by a pen that goes to and fro, within the outline or a little over it."""
    width, step = r * rng.uniform(0.06, 0.1), r * rng.uniform(0.11, 0.16)
    turn, rows = rng.uniform(0, 180), int(2.2 * r / step)
    zigzag = [
        (x + (1.2 if k % 2 else -1.2) * r * rng.uniform(0.9, 1.0), y - 1.1 * r + k * step)
        for k in range(rows)
    ]
    line = f'fill="none" stroke="{paint}" stroke-width="{width:.1f}" stroke-linecap="round" stroke-linejoin="round"'
    edge = f'<path d="{_by_hand(points, r, rng)}" {line}/>'
    inner = "M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in zigzag)
    return (
        f'<clipPath id="{name}"><path d="{_straight(points)}"/></clipPath>'
        f'<g clip-path="url(#{name})"><path d="{inner}" transform="rotate({turn:.0f} {x:.1f} {y:.1f})" {line}/></g>{edge}'
    )


def _shaded(points: list[Corner], paint: str, name: str, rng: random.Random) -> str:
    """From light to dark across, or lit like a ball, some with a shadow on the ground."""
    light, dark = _mixed(paint, "#ffffff", rng.uniform(0.2, 0.45)), _mixed(paint, "#000000", rng.uniform(0.15, 0.35))  # fmt: skip
    stops = f'<stop offset="0" stop-color="{light}"/><stop offset="0.55" stop-color="{paint}"/><stop offset="1" stop-color="{dark}"/>'
    if rng.random() < 0.5:
        ramp = f'<radialGradient id="{name}" cx="0.35" cy="0.3" r="0.8">{stops}</radialGradient>'
    else:
        ramp = f'<linearGradient id="{name}" gradientTransform="rotate({rng.choice((0, 45, 90))})">{stops}</linearGradient>'
    shadow, use = "", ""
    if rng.random() < 0.4:
        shadow = f'<filter id="s{name}"><feDropShadow dx="3" dy="4" stdDeviation="3" flood-opacity="0.45"/></filter>'
        use = f' filter="url(#s{name})"'
    return f'{ramp}{shadow}<path d="{_straight(points)}" fill="url(#{name})"{use}/>'


def _mixed(one: str, other: str, part: float) -> str:
    pair = zip(ImageColor.getrgb(one), ImageColor.getrgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pair)


def text_svg(text: str, paint: str, family: str, bold: bool, x: float, y: float, size: float, turn: float) -> str:  # fmt: skip
    """A line of text around (x, y)."""
    weight = "bold" if bold else "normal"
    return (
        f'<text x="{x:.0f}" y="{y + 0.35 * size:.0f}" font-family="{family}" font-weight="{weight}" font-size="{size:.0f}" '
        f'text-anchor="middle" fill="{paint}" transform="rotate({turn:.1f} {x:.0f} {y:.0f})">{text}</text>'
    )


def paper_svg(paper: str, width: int, height: int, rng: random.Random) -> str:
    """Plain paper, ruled paper, squared paper, or paper lit from one side."""
    sheet = f'<rect width="{width}" height="{height}" fill="{paper}"/>'
    style = rng.random()
    if style < 0.7:
        return sheet
    line = _mixed(paper, "#5c7cfa", 0.35)
    step = rng.randint(16, 30)
    across = "".join(f"M0,{y}H{width}" for y in range(step, height, step))
    if style < 0.8:
        return f'{sheet}<path d="{across}" stroke="{line}"/>'
    if style < 0.9:
        down = "".join(f"M{x},0V{height}" for x in range(step, width, step))
        return f'{sheet}<path d="{across}{down}" stroke="{line}" stroke-width="0.7"/>'
    ends = f'<stop offset="0" stop-color="{paper}"/><stop offset="1" stop-color="{_mixed(paper, "#808080", 0.25)}"/>'
    return f'<linearGradient id="g" gradientTransform="rotate(60)">{ends}</linearGradient><rect width="{width}" height="{height}" fill="url(#g)"/>'


def photograph(width: int, height: int, rng: random.Random) -> Image.Image:
    """A piece of one of the photographs in scikit-learn's wheel."""
    source = rng.choice(_photographs())
    side = rng.uniform(0.4, 0.95) * min(source.width / width, source.height / height)
    w, h = int(width * side), int(height * side)
    x, y = rng.randint(0, source.width - w), rng.randint(0, source.height - h)
    return source.resize((width, height), Image.Resampling.LANCZOS, box=(x, y, x + w, y + h))


@cache
def _photographs() -> list[Image.Image]:
    folder = _package("sklearn") / "datasets" / "images"
    return [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.jpg"))]


def photograph_svg(picture: Image.Image) -> str:
    """The photograph as a ground."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<image width="{picture.width}" height="{picture.height}" href="data:image/jpeg;base64,{data}"/>'


def font_file(package: str, name: str) -> str:
    """The path of a font in its package."""
    return str(_package(package) / "files" / name)


def there(module: str) -> bool:
    """Whether a package is installed; it is not imported."""
    return find_spec(module) is not None


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The third renderer needs `pip install --no-deps {' '.join(PACKAGES)}`.")  # fmt: skip
    return Path(spec.origin).parent


def rendered(body: str, width: int, height: int, fonts: tuple[str, ...] = ()) -> Image.Image:
    """An SVG's pixels."""
    import resvg_py  # only who measures needs it

    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{body}</svg>'
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True, font_files=list(fonts))
    return Image.open(io.BytesIO(bytes(png))).convert("RGB")
