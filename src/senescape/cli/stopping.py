"""Ending when asked to: Ctrl-C (130) and SIGTERM (143), with what is kept and how to go on."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

STOPPED, ENDED = 130, 143
LAST_SECONDS = 0.5  # for threads that end by themselves


@contextlib.contextmanager
def resumable() -> Iterator[None]:
    """Say what is kept and the command that resumes, where the user stops or the system ends it."""
    before = signal.getsignal(signal.SIGTERM)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main:
        signal.signal(signal.SIGTERM, _ended)
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        status = STOPPED if isinstance(stop, KeyboardInterrupt) else stop.code
        by = "by the user" if status == STOPPED else "by SIGTERM"
        command = shlex.join(["senescape", *sys.argv[1:]])
        text = f"senescape: stopped {by}; what is finished is kept; resume with: {command}"
        print(text.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
        leave(status if isinstance(status, int) else ENDED)
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)


def _ended(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(ENDED)


def leave(status: int) -> NoReturn:
    """End the process now, even where a kernel still runs in a thread that nobody can stop."""
    running = [t for t in threading.enumerate() if t.name.startswith("senescape-lanes")]
    for thread in running:
        thread.join(LAST_SECONDS / len(running))
    if any(thread.is_alive() for thread in running):
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
    raise SystemExit(status)
