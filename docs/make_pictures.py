"""Draw the pictures of the documents from the verdicts themselves: effect.svg and census.svg.

Usage: .venv/bin/python docs/make_pictures.py
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from senescape.figures import census_bars, effect_by_regimen, svg_of
from senescape.files import read_scenario
from senescape.verdict import judge

HERE = Path(__file__).resolve().parent
WIDTH = 760


def on_white(svg: str) -> str:
    """Return a picture as a file of its own: of a fixed width, on white also on a dark page."""
    white = svg.replace("</title>", '</title><rect width="100%" height="100%" fill="#fff"/>', 1)
    return white.replace('width="100%"', f'width="{WIDTH}"', 1) + "\n"


def main() -> None:
    """Judge every regimen of the MCF-7 scenario; draw the effects and what becomes of the wells."""
    scenario = read_scenario("mcf7-doxorubicin")
    with ProcessPoolExecutor(max_workers=2) as pool:
        verdicts = list(pool.map(judge, repeat(scenario), scenario.regimens))
    pictures = {
        "effect": (effect_by_regimen, "effect of inducing senescence, by dose and rule"),
        "census": (census_bars, "what becomes of the wells, by dose"),
    }
    for name, (draw, title) in pictures.items():
        (HERE / f"{name}.svg").write_text(on_white(svg_of(draw(verdicts), title)), encoding="utf-8")


if __name__ == "__main__":
    main()
