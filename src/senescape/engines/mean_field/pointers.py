"""The right-hand sides of a block as pointers: each is compiled once, and not into the solver."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from numba import config, typeof, types

from ..interpreter import Pointer, tape_reader
from . import rosenbrock
from .explicit import Control, Method, Outputs, Problem, Work, attempt, integrate
from .track import Track, track_of
from .wide import Block, wide_backward, wide_flows
from .wide_general import wide_general


@lru_cache(maxsize=1)
def forward() -> Any:
    """Return :func:`wide_flows` as a pointer."""
    return wide_flows if config.DISABLE_JIT else Pointer(wide_flows, argument_types())


@lru_cache(maxsize=1)
def general() -> Any:
    """Return :func:`wide_general` as a pointer."""
    return wide_general if config.DISABLE_JIT else Pointer(wide_general, argument_types())


@lru_cache(maxsize=1)
def backward() -> Any:
    """Return :func:`wide_backward` as a pointer."""
    return wide_backward if config.DISABLE_JIT else Pointer(wide_backward, argument_types())


def _parts() -> tuple[Any, Any, Any, Any]:
    """Return the types of one number a lane, of rows of lanes, of a block and of a track."""
    lane, rows, table = (types.Array(types.float64, n, "C") for n in (1, 2, 3))
    lengths, packed = types.Array(types.int64, 1, "C"), types.Array(types.int32, 1, "C")
    block = types.NamedTuple((typeof(tape_reader()), packed, *([rows] * 6)), Block)
    return lane, rows, block, types.NamedTuple((lengths, rows, table, table), Track)


def argument_types() -> tuple[Any, ...]:
    """Return the types of the arguments of both right-hand sides."""
    lane, rows, block, track = _parts()
    return rows, lane, block, track, lane, rows


def _solving() -> tuple[Any, Any]:
    """Return the types of a problem and of how it is controlled."""
    _, rows, block, track = _parts()
    number = types.float64
    problem = types.NamedTuple((typeof(forward()), block, track, types.int64), Problem)
    method = types.NamedTuple((number, types.Array(number, 1, "C"), number), Method)
    return problem, types.NamedTuple((number, rows, types.int64, number, method), Control)


def attempt_types() -> tuple[Any, ...]:
    """Return the types of the arguments of :func:`.explicit.attempt`."""
    lane, rows = _parts()[:2]
    slopes = types.Array(types.float64, 3, "C")
    work = types.NamedTuple((rows, *([lane] * 4), *([rows] * 3), slopes), Work)
    return _solving()[0], types.int64, types.float64, work


@lru_cache(maxsize=1)
def trial() -> Any:
    """Return :func:`.explicit.attempt` as a pointer."""
    return attempt if config.DISABLE_JIT else Pointer(attempt, attempt_types())


@lru_cache(maxsize=1)
def implicit_trial() -> Any:
    """Return :func:`.rosenbrock.attempt` as a pointer."""
    kernel = rosenbrock.attempt
    return kernel if config.DISABLE_JIT else Pointer(kernel, attempt_types())


def solver_types() -> tuple[Any, ...]:
    """Return the types of the arguments of :func:`.explicit.integrate`."""
    lane, rows, _, track = _parts()
    number = types.float64
    problem, control = _solving()
    outputs = types.NamedTuple((lane, types.Array(number, 3, "C")), Outputs)
    outcome = types.Array(types.int64, 1, "C")
    return (
        rows,
        types.UniTuple(number, 2),
        typeof(trial()),
        problem,
        control,
        track,
        outputs,
        lane,
        outcome,
    )


@lru_cache(maxsize=1)
def solver() -> Any:
    """Return :func:`.explicit.integrate` as a pointer."""
    return integrate if config.DISABLE_JIT else Pointer(integrate, solver_types())


def is_cold() -> bool:
    """Tell, once, whether this machine has not compiled the solver yet, by its smallest kernel."""
    before = sum(track_of.stats.cache_misses.values())
    track_of(0, 0)
    return sum(track_of.stats.cache_misses.values()) > before


def compile_first() -> None:
    """Compile, or load from the cache, the solver, what reads formulas, and slopes back in time.

    This is 8 s of CPU, and so is what :func:`compile_second` does (measured).
    """
    for pointer in (tape_reader(), solver(), backward()):
        pointer.__wrapper_address__()


def compile_second() -> None:
    """Compile, or load from the cache, a step of a block and slopes forward in time."""
    for pointer in (trial(), forward()):
        pointer.__wrapper_address__()
