"""What a block of the leap calls through pointers, and the types of what it is given."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from numba import config, typeof, types

from senescape.engines.interpreter import Pointer, tape_reader
from senescape.engines.laws.lanes import stage_law
from senescape.engines.tables import Tables
from senescape.rng.lanes import counts_drawer

from .block_rates import BlockRates
from .lanes import Chances, Scratch, half_sweep_of_lanes
from .plan import Plan
from .together import Kernels, advance_blocks, put

WORD, NUMBER = types.int64, types.float64
LANE, ROWS = (types.Array(NUMBER, n, "C") for n in (1, 2))
KEYS = types.Array(types.uint64, 1, "C")
LIST, TABLE = (types.Array(types.int32, n, "C") for n in (1, 2))
TABLES = types.NamedTuple(
    (TABLE, *([WORD] * 6), LIST, LIST, TABLE, *([LIST] * 7), *([TABLE] * 4)), Tables
)
PLAN = types.NamedTuple((*([LIST] * 8), TABLE, LIST, WORD, types.boolean, types.boolean), Plan)
RATES = types.NamedUniTuple(ROWS, 5, BlockRates)
DRAW = types.FunctionType(types.void(LANE))
LAW = types.FunctionType(types.void(DRAW, LANE, KEYS, WORD))
CHANCES = types.NamedTuple((DRAW, LAW), Chances)
SCRATCH = types.NamedTuple((LANE, ROWS, ROWS, KEYS, KEYS, ROWS, LANE, LANE, LANE), Scratch)


def chances() -> Chances:
    """Return what a half step draws by."""
    return Chances(counts_drawer(), stage_law())


def sweep_types() -> tuple[Any, ...]:
    """Return the types of the arguments of :func:`.lanes.half_sweep_of_lanes`."""
    return (CHANCES, TABLES, PLAN, RATES, ROWS, ROWS, LANE, types.boolean, SCRATCH)


@lru_cache(maxsize=1)
def sweep() -> Any:
    """Return :func:`.lanes.half_sweep_of_lanes` as a pointer."""
    kernel = half_sweep_of_lanes
    return kernel if config.DISABLE_JIT else Pointer(kernel, sweep_types())


def kernels() -> Kernels:
    """Return all that a block calls."""
    return Kernels(tape_reader(), sweep(), chances())


def block_types() -> tuple[Any, ...]:
    """Return the types of the arguments of :func:`.together.advance_blocks`."""
    called = types.NamedTuple((typeof(tape_reader()), typeof(sweep()), CHANCES), Kernels)
    tables = (TABLES, PLAN, RATES, RATES, SCRATCH)
    return (called, *tables, *([ROWS] * 5), KEYS, WORD, WORD, *([NUMBER] * 5))


def is_cold() -> bool:
    """Tell, once, whether this machine has not compiled the leap yet, by its smallest kernel."""
    before = sum(put.stats.cache_misses.values())
    put.compile((ROWS, WORD, WORD, ROWS))
    return sum(put.stats.cache_misses.values()) > before


def compile_first() -> None:
    """Compile, or load from the cache, the advance of a block and what reads formulas.

    This is 12 s of CPU, and so is what :func:`compile_second` does (measured).
    """
    tape_reader().__wrapper_address__()
    advance_blocks.compile(block_types())


def compile_second() -> None:
    """Compile, or load from the cache, a half step and what it draws by."""
    chances()  # these are compiled when they are made
    sweep().__wrapper_address__()
