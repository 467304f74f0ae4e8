"""Which round the lock-step kernel draws with: the interpreter, or one generated for the program.

The interpreter is compiled once a machine. A generated round is two to four times as fast and takes
seconds to compile: it is made when a program has fired :data:`PAYS` events, and kept in a folder of
the user under the digest of its source, so that the next process only loads it. Both give the same
bytes, so a run may change from one to the other anywhere.
"""

from __future__ import annotations

from typing import Any

from numba import cfunc, config, typeof

from senescape.engines.generated import FOLDER, Late, generated
from senescape.engines.interpreter import tape_reader

from .flat import Flat
from .generate import FORMAT, carries, source_of
from .lockstep import draw_signature, interpreter

__all__ = ["FOLDER", "PAYS", "Tier", "generated_round"]

# Events after which compiling pays: seconds of interpreting, as long as compiling takes.
PAYS = 100_000_000


class Tier:
    """The round of one program; shared by all threads that run it.

    Parameters
    ----------
    flat : Flat
    kept : set of int
        Rows that are read outside the round.
    """

    def __init__(self, flat: Flat, kept: set[int]) -> None:
        self.flat = flat
        self.events = 0.0
        self.generated = Late(lambda: generated_round(source_of(flat, kept)))

    def draw(self) -> tuple[Any, bool]:
        """Return the round to use now, and whether it can let the events happen itself."""
        made = self.generated.get(self.events >= PAYS)
        return (interpreter(), False) if made is None else (made, carries(self.flat))


def generated_round(source: str) -> Any:
    """Return a generated round as a pointer, from the folder of kernels where that can be used.

    Parameters
    ----------
    source : str
        As :func:`.generate.source_of` writes it.
    """
    kind = f"round_{FORMAT}"
    if config.DISABLE_JIT:
        return generated(source, "draw", kind, ())
    signature = draw_signature(typeof(tape_reader()))
    draw = generated(source, "draw", kind, signature.args)

    def call(
        tape: Any, read: Any, place: Any, block: Any, f: Any, words: Any, until: float
    ) -> None:
        draw(tape, read, place, block, f, words, until)

    return cfunc(signature)(call)
