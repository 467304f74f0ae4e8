"""How a benchmark says what it found: date, machine, numbers; on the terminal and in a file."""

from __future__ import annotations

import datetime
import json
import os
import platform
from pathlib import Path


def written(found: dict[str, object], output: Path | None) -> None:
    """Print what was found with date and machine; write it too where a file is given."""
    report = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}",
        **found,
    }
    text = json.dumps(report, indent=1)
    print(text)
    if output:
        output.write_text(text + "\n", encoding="utf-8")
