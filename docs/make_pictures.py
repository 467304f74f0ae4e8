"""Draw the pictures of the documents from the verdicts themselves: docs/effect.svg.

Usage: .venv/bin/python docs/make_pictures.py
"""

from __future__ import annotations

from pathlib import Path

from senescape.figures import effect_by_regimen, svg_of
from senescape.files import read_scenario
from senescape.verdict import judge

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Judge every regimen of the MCF-7 scenario and draw the effects."""
    scenario = read_scenario("mcf7-doxorubicin")
    verdicts = [judge(scenario, regimen) for regimen in scenario.regimens]
    picture = svg_of(effect_by_regimen(verdicts), "effect of inducing senescence, by dose and rule")
    white = picture.replace("</title>", '</title><rect width="100%" height="100%" fill="#fff"/>', 1)
    text = white.replace('width="100%"', 'width="760"', 1)
    (HERE / "effect.svg").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
