"""Times of calls that must be quick, also in the run that coverage watches."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable

from senescape.errors import SenescapeError


def without_tracer(call: Callable[[], object]) -> float:
    """Return the CPU time of a refused call, made once more without the tracer of coverage.

    A tracer doubles the time of plain Python: a limit that was missed under it is asked of a call
    without it. Where there is no tracer the answer is inf, so that nothing gets a second chance.
    """
    tracer = sys.gettrace()
    if tracer is None:
        return math.inf
    sys.settrace(None)
    try:
        began = time.process_time()
        with contextlib.suppress(SenescapeError, SystemExit):
            call()
        return time.process_time() - began
    finally:
        sys.settrace(tracer)
