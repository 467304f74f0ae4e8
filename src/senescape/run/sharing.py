"""How lanes are shared out: how many threads a run uses, and how many lanes one takes at a time."""

from __future__ import annotations

import os

from senescape.errors import RunError

CHUNK = 64
MOST_THREADS = 1024


def workers() -> int:
    """Return how many threads a run uses: all cores, or SENESCAPE_THREADS.

    Raises
    ------
    RunError
        A setting that is no whole number from 1 to 1024.
    """
    given = os.environ.get("SENESCAPE_THREADS", "").strip()
    if not given:
        return max(1, len(os.sched_getaffinity(0)))
    if given.isascii() and given.isdigit() and len(given) < 9 and 1 <= int(given) <= MOST_THREADS:
        return int(given)
    raise RunError(
        f"SENESCAPE_THREADS={given}",
        allowed=f"a whole number from 1 to {MOST_THREADS}",
        remedy="correct it, or leave it out of the environment to use all cores",
        check="run.threads",
    )


def chunk_size(lanes: int, threads: int) -> int:
    """Return how many lanes a thread takes at a time: few lanes still go to every thread."""
    return max(1, min(CHUNK, -(-lanes // threads)))
