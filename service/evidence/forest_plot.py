"""The forest plot of an outcome as SVG, made from the outcome's JSON and from nothing else.

Monochrome but for one accent, so that it is as readable in greyscale; everything that it says is text.
"""

import base64
import hashlib
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET  # it only writes  # nosec B405

from service.evidence.forest_lines import Line, interactions, lines

SVG = "image/svg+xml"
STYLE = (
    "svg{color:#1b1f24;background:#fff;--accent:#0b5cad}"
    "@media(prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117;--accent:#79b8ff}}"
)
"""Of a file that stands alone; within a page the colours are the page's."""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
TICKS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
USUAL = 95
"""Level of an interval, in percent, that is drawn with a plain line; any other is dashed and says so."""
ACCENT, INK, QUIET = "var(--accent, currentColor)", "currentColor", "0.72"


def drawing(outcome: Mapping[str, Any], *, style: str | None = None, narrow: bool = False) -> str:
    """The plot as SVG; with a style of its own where it is a file, and in two lines a row where the page is narrow."""
    return _Drawing(outcome, narrow=narrow).svg(style)


@dataclass
class _Drawing:
    """Rows from the top down; `y` is where the next one begins. Lengths are in units of the view box."""

    outcome: Mapping[str, Any]
    narrow: bool
    y: float = 0
    root: ET.Element = field(default_factory=lambda: ET.Element("svg"))

    def __post_init__(self) -> None:
        self.lines = lines(self.outcome)
        self.width = 360 if self.narrow else 900
        self.left, self.right = (10, 200) if self.narrow else (300, 580)
        self.row = 42 if self.narrow else 25
        single = [line for line in self.lines if line.kind != "pooled"]
        margins = [line.margin for line in single if line.margin is not None]
        # Never without a tick on either side of no effect.
        lowest, highest = (
            min([0.7, *margins, *(each.low for each in single)]),
            max([1.5, *margins, *(each.high for each in single)]),
        )
        below = [tick for tick in TICKS if tick <= lowest] or [TICKS[0]]
        above = [tick for tick in TICKS if tick >= highest] or [TICKS[-1]]
        self.ticks = [tick for tick in TICKS if below[-1] <= tick <= above[0]]
        self.heaviest = max((line.random or 0 for line in self.lines), default=0)
        self.plot = ET.SubElement(self.root, "g")

    def svg(self, style: str | None) -> str:
        """Draw everything, then say how large it has become."""
        self.heading()
        top = self.y
        self.trials()
        if self.outcome["pooled"] is not None:
            self.pool()
        self.published()
        self.axis(top)
        self.notes(alone=style is not None)
        for name, value in {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {self.width} {self.y:g}",
            "role": "img",
            "class": "forest narrow" if self.narrow else "forest",
            "font-family": "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif",
            "font-size": "13",
            "fill": INK,
        }.items():
            self.root.set(name, value)
        if style is not None:
            self.root.set("width", str(self.width))
            self.root.set("height", f"{self.y:g}")
            self.root.insert(0, _element("style", style))
        title = f"{self.outcome['title']}: {self.outcome['measure']}"
        self.root.insert(0, _element("desc", self.description()))
        self.root.insert(0, _element("title", title))
        self.root.set("aria-label", f"{title}. {self.description()}")
        return ET.tostring(self.root, encoding="unicode")

    def description(self) -> str:
        """The whole plot in words."""
        ratios = [
            f"{line.name}: hazard ratio {line.ratio}, {line.level:g}% {'credible ' if line.credible else ''}interval"
            for line in self.lines
        ]
        return ". ".join([f"Forest plot; {self.outcome['direction']}", *ratios]) + "."

    # ---- from the top down

    def heading(self) -> None:
        title = f"{self.outcome['title']}, {self.outcome['measure']}"
        for part in textwrap.wrap(title, 46 if self.narrow else 110):
            self.y += 20
            self.text(8, part, size=15, bold=True)
        self.y += 4 if self.narrow else 22
        if not self.narrow:
            for x, anchor, text in (
                (8, "start", "Trial"),
                (280, "end", "People"),
                (600, "start", "Hazard ratio (interval)"),
                (792, "middle", "Level"),
                (892, "end", "Weight" if self.outcome["pooled"] is not None else ""),
            ):
                self.text(x, text, anchor=anchor, size=12, quiet=True)
            self.y += 8
            self.rule(8, 892)

    def trials(self) -> None:
        known = [line for line in self.lines if line.kind == "trial"]
        for timing in dict.fromkeys(line.timing for line in known):
            if timing is not None:
                self.group(self.outcome["timings"][timing])
            for line in known:
                if line.timing == timing:
                    self.trial(line)

    def trial(self, line: Line) -> None:
        pooled = line.random is not None
        alone = self.outcome["pooled"] is None and line.id in self.outcome["chosen"]
        row = self.begin(line, quiet=not (pooled or alone))
        weight = f"{line.random:.1f}%" if line.random is not None else "" if alone else "left out"
        self.cells(row, line, weight)
        self.whisker(row, line)
        self.margin(row, line)
        side = 5 + 10 * math.sqrt((line.random or 0) / self.heaviest) if pooled else 8
        x = self.x(line.hr)
        box = {"x": _n(x - side / 2), "y": _n(self.middle - side / 2), "width": _n(side), "height": _n(side)}
        _add(row, "rect", box | ({} if pooled or alone else {"fill": "none", "stroke": INK, "stroke-width": "1.5"}))

    def pool(self) -> None:
        pooled = self.outcome["pooled"]
        self.group("Pooled (our calculation)")
        for part in textwrap.wrap(pooled["title"], 52 if self.narrow else 120):
            self.y += 17
            self.text(8, part, size=12, quiet=True)
        for line in self.lines:
            if line.kind == "pooled":
                row = self.begin(line)
                self.cells(row, line, "")
                if line.id == "hartung_knapp":
                    self.whisker(row, line, caps=True)
                else:
                    self.diamond(row, line, filled=line.id == "random")
        self.y += 18
        text = f"Heterogeneity: I² {pooled['i2']:g}%, Q {pooled['q']:g} ({pooled['freedom']} df), τ² {pooled['tau2']:g}"
        self.text(8, text, size=12, quiet=True)
        self.y += 4

    def published(self) -> None:
        published = [line for line in self.lines if line.kind == "published"]
        if published:
            self.group("Published meta-analyses, for comparison")
        for line in published:
            row = self.begin(line)
            self.cells(row, line, "")
            self.diamond(row, line, filled=False, accent=False)

    def axis(self, top: float) -> None:
        """The scale; its lines are drawn behind the rows."""
        bottom = self.y + 8
        if not self.narrow:
            self.grid(top, bottom)
        self.y = bottom
        self.rule(self.left, self.right)
        self.y += 15
        for tick in self.ticks:
            self.text(self.x(tick), f"{tick:g}", anchor="middle", size=12, kind="tick")
        self.y += 18
        favours, one = self.outcome["favours"], self.x(1)
        if self.narrow:
            self.text(8, f"\u2190 favours {favours['below']}", size=12, bold=True)
            self.y += 16
            self.text(8, f"\u2192 favours {favours['above']}", size=12, bold=True)
        else:
            self.text(one - 10, f"\u2190 favours {favours['below']}", anchor="end", size=12, bold=True)
            self.text(one + 10, f"favours {favours['above']} \u2192", size=12, bold=True)
        self.y += 8

    def grid(self, top: float, bottom: float) -> None:
        for tick in self.ticks:
            line = {"x1": _n(self.x(tick)), "x2": _n(self.x(tick)), "y1": _n(top), "y2": _n(bottom), "stroke": INK}
            _add(self.plot, "line", line | ({"stroke-opacity": "0.14"} if tick != 1 else {"stroke-width": "1.3"}))

    def notes(self, *, alone: bool) -> None:
        """What must be said beside the figures; within a page the page says it, but for the signs."""
        pooled, said = self.outcome["pooled"], []
        if any(line.level != USUAL for line in self.lines):
            said.append(f"Dashed lines: intervals that are not at {USUAL}%.")
        if pooled is not None and any(line.kind == "trial" and line.random is None for line in self.lines):
            said.append("Open squares: left out of the pool.")
        if any(line.margin is not None for line in self.lines):
            said.append("Upright lines: non-inferiority margins.")
        if alone:
            said += interactions(self.outcome)
            said += [stated["text"] for stated in self.outcome.get("statements", ())]
            said = [f"{line.name}: {caveat}." for line in self.lines for caveat in line.caveats] + said
            said += self.outcome["notes"]
            said += [f"Pool: {pooled['caveat']}."] if pooled is not None and pooled["caveat"] else []
            said += [self.outcome["method"]] if self.outcome["method"] else []
            said += [f"Not pooled. {self.outcome['pooled_reason']}"] if pooled is None else []
            ours = "; pools are our calculation" if pooled is not None else ""
            said += [f"Evidence as of {self.outcome['date']}. Figures as read in the sources{ours}."]
        for note in said:
            self.y += 4
            for part in textwrap.wrap(note, 54 if self.narrow else 140):
                self.y += 14
                self.text(8, part, size=11, quiet=True)
        self.y += 12

    # ---- one row

    def begin(self, line: Line, *, quiet: bool = False) -> ET.Element:
        self.y += self.row
        row = ET.SubElement(self.root, "g", {"class": line.kind, "data-id": line.id})
        if self.narrow:
            self.grid(self.y - 15, self.y - 1)
        if quiet:
            row.set("opacity", QUIET)
        return row

    @property
    def middle(self) -> float:
        """Where the figure of the row is drawn, its text standing above or beside it."""
        return self.y - 8 if self.narrow else self.y - 4.5

    def cells(self, row: ET.Element, line: Line, weight: str) -> None:
        people = "" if line.people is None else str(line.people)
        bold, other = line.kind == "pooled", line.level != USUAL
        if self.narrow:
            self.text(8, line.name, row=row, at=self.y - 20, bold=bold)
            self.text(352, line.level_text, row=row, at=self.y - 20, anchor="end", kind="level", bold=other)
            self.text(352, line.ratio, row=row, at=self.y - 3, anchor="end", kind="ratio", bold=bold)
            return
        self.text(8, line.name, row=row, bold=bold)
        self.text(280, people, row=row, anchor="end", kind="people")
        self.text(600, line.ratio, row=row, kind="ratio", bold=bold)
        self.text(792, line.level_text, row=row, anchor="middle", kind="level", bold=other)
        self.text(892, weight, row=row, anchor="end", kind="weight")

    def whisker(self, row: ET.Element, line: Line, *, caps: bool = False) -> None:
        low, high = self.x(line.low), self.x(line.high)
        path = f"M{_n(low)} {_n(self.middle)}H{_n(high)}"
        if caps:
            path += "".join(f"M{_n(x)} {_n(self.middle - 4)}v8" for x in (low, high))
        drawn = {"d": path, "stroke": ACCENT if caps else INK, "stroke-width": "1.6", "fill": "none"}
        _add(row, "path", drawn | ({"stroke-dasharray": "4 2.5"} if line.level != USUAL else {}))

    def margin(self, row: ET.Element, line: Line) -> None:
        """Draw the margin of the trial, a short line across its row."""
        if line.margin is not None:
            path = f"M{_n(self.x(line.margin))} {_n(self.middle - 9)}v18"
            _add(row, "path", {"class": "margin", "d": path, "stroke": ACCENT, "stroke-width": "2", "fill": "none"})

    def diamond(self, row: ET.Element, line: Line, *, filled: bool, accent: bool = True) -> None:
        low, x, high = (self.x(value) for value in (line.low, line.hr, line.high))
        points = ((low, 0), (x, -6), (high, 0), (x, 6))
        colour = ACCENT if accent else INK
        drawn = {"points": " ".join(f"{_n(at)},{_n(self.middle + by)}" for at, by in points), "stroke": colour}
        _add(row, "polygon", drawn | {"fill": colour if filled else "none", "stroke-width": "1.5"})

    # ---- the pen

    def group(self, text: str) -> None:
        self.y += 14 if self.narrow else 13
        self.y += 16
        self.text(8, text, size=12, bold=True)
        self.y -= 4 if self.narrow else 1

    def rule(self, left: float, right: float) -> None:
        drawn = {"x1": _n(left), "x2": _n(right), "y1": _n(self.y), "y2": _n(self.y)}
        _add(self.root, "line", drawn | {"stroke": INK, "stroke-opacity": "0.5"})

    def text(  # noqa: PLR0913 - the pen's settings
        self, x: float, text: str, *, row: ET.Element | None = None, at: float | None = None, anchor: str = "start",
        size: int | None = None, bold: bool = False, kind: str | None = None, quiet: bool = False,
    ) -> None:  # fmt: skip
        if not text:
            return
        stated = {
            "class": kind,
            "text-anchor": None if anchor == "start" else anchor,
            "font-weight": "600" if bold else None,
        }
        stated |= {"font-size": None if size is None else str(size), "fill-opacity": QUIET if quiet else None}
        place = {"x": _n(x), "y": _n(self.y if at is None else at)}
        made = _element("text", text)
        for name, value in (place | stated).items():
            if value is not None:
                made.set(name, value)
        (self.root if row is None else row).append(made)

    def x(self, ratio: float) -> float:
        """Where a ratio stands; beyond the scale at its end."""
        low, high = math.log(self.ticks[0]), math.log(self.ticks[-1])
        share = (math.log(ratio) - low) / (high - low)
        return self.left + min(max(share, 0), 1) * (self.right - self.left)


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _element(tag: str, text: str) -> ET.Element:
    made = ET.Element(tag)
    made.text = text
    return made


def _add(parent: ET.Element, tag: str, stated: Mapping[str, str]) -> None:
    ET.SubElement(parent, tag, dict(stated))
