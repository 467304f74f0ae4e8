"""Print branch coverage a room, from coverage's JSON, and fail below a floor.

Usage: rooms.py COVERAGE.json FLOOR. The floor holds for the whole package; every room is shown.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

COUNTS = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def room_of(file: str) -> str:
    """Name the room that a source file stands in."""
    inside = Path(file).parts
    inside = inside[inside.index("senescape") + 1 :]
    return inside[0] if len(inside) > 1 else Path(inside[0]).stem


def percent(counts: dict[str, int]) -> float:
    """Share of statements and branches together that ran, as coverage itself counts."""
    whole = counts["num_statements"] + counts["num_branches"]
    return (
        100.0 * (counts["covered_lines"] + counts["covered_branches"]) / whole if whole else 100.0
    )


def main(report: str, floor: float) -> int:
    """Print the table; the exit status is 1 below the floor."""
    rooms: dict[str, dict[str, int]] = {}
    total = dict.fromkeys(COUNTS, 0)
    for file, entry in json.loads(Path(report).read_text(encoding="utf-8"))["files"].items():
        room = rooms.setdefault(room_of(file), dict.fromkeys(COUNTS, 0))
        for name in COUNTS:
            room[name] += entry["summary"][name]
            total[name] += entry["summary"][name]
    print(f"{'room':<14} {'statements':>10} {'branches':>9} {'covered':>9}")
    for room_name, counts in [*sorted(rooms.items()), ("all", total)]:
        print(
            f"{room_name:<14} {counts['num_statements']:>10} {counts['num_branches']:>9}"
            f" {percent(counts):>8.1f}%"
        )
    if percent(total) < floor:
        print(f"coverage {percent(total):.1f} % is below the floor of {floor:g} %", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
