"""One look for every picture: colours that are told apart by everybody, no ink without meaning."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib

from senescape.errors import RunError
from senescape.verdict import Rule

matplotlib.use("Agg")

from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402  # after the choice of the backend

P = ParamSpec("P")

INK, SOFT, GRID = "#1d2733", "#5b6773", "#d9dee4"
# Okabe & Ito's palette (2008), told apart also without colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#f0e442",
)
GREY = "#9aa5b1"

# What is for the host and what against it; senescence; then the worlds of a verdict.
FRIEND, FOE, SENESCENT = GREEN, RED, SKY
WITH_COLOUR = SENESCENT
RULE_COLOURS = {Rule.RENORMALISED: INK, Rule.DIE: RED, Rule.INERT: PURPLE, Rule.RECOVER: BLUE}
Dash = tuple[float, tuple[float, ...] | None]
RULE_DASHES: dict[Rule, Dash] = {
    Rule.RENORMALISED: (0.0, None),
    Rule.DIE: (0.0, (6.0, 1.6)),
    Rule.INERT: (0.0, (1.4, 1.4)),
    Rule.RECOVER: (0.0, (5.0, 1.4, 1.4, 1.4)),
}
BOX_COLOURS = {
    "cleared_rapid_apoptosis": "#004d3a",
    "cleared_after_senescence": GREEN,
    "complete_arrest": SKY,
    "alive_under_burden": GREY,
    "relapse_never_senescent": "#7a3b00",
    "relapse_recovery": RED,
    "relapse_reentry": ORANGE,
    "relapse_preexisting": YELLOW,
    "relapse_acquired": PURPLE,
    "death_other": INK,
}

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.color": INK,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "senescape",
    # a label is text, also where it holds a $
    "text.parse_math": False,
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a function draw in this style without touching the style of the user's session."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0.0)
    return figure


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of a size in inches, and its only axes."""
    figure = new_figure(width, height)
    return figure, figure.add_subplot()


def svg_of(figure: Figure, title: str, description: str = "") -> str:
    """Return a figure as SVG to be put into a page: no prologue, with its words for those who hear.

    The same figure gives the same bytes: no date, no random identifiers. Names of groups are left
    out, so that several pictures can stand in one page.
    """
    text = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    body = text.getvalue()
    body = body[body.index("<svg") :]
    body = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'width="100%"', body, count=1)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    words = f"<title>{escape(title)}</title>"
    if description:
        words += f"<desc>{escape(description)}</desc>"
    return body.replace(">", f' role="img" aria-label="{escape(title)}">{words}', 1).strip()


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, PNG or PDF by its ending, on white; the same bytes each time.

    Raises
    ------
    RunError
        The file cannot be written.
    """
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower(), {})
    try:
        with matplotlib.rc_context(STYLE):
            figure.patch.set_alpha(1.0)
            figure.savefig(path, dpi=200, facecolor="white", metadata=metadata)
    except OSError as error:
        raise RunError(
            f"{path}: {error.strerror}",
            allowed="a file that can be written",
            remedy="choose another place",
            check="run.output",
        ) from None
