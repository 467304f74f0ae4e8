"""Forward sensitivities of networks from SBML: d(number)/d(parameter) along a solution.

S = dy/dp obeys S' = J S + df/dp. Its rows are added to the tape of the right-hand side, from the
same derivative reading that gives implicit steps their Jacobian, and numbers and sensitivities are
then one network with more numbers: the same solvers, blocks, outputs and generated code carry it,
with the control of errors on both. What follows from parameters alone is differentiated once.
Numbers at the start are those of the file (its initial assignments are computed when it is read),
so that S starts from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.errors import RunError
from senescape.expressions import Op

from ..interpreter import read_tape
from ..written import arity
from .compact import Layout, changes_of, sums_of
from .derivatives import NoDerivative, Slopes, slopes_of_row
from .rows import ONE, ZERO, Name, Rows, TooManyRows, constants_of, numbered

Float = NDArray[np.float64]
Int = NDArray[np.int32]

MOST_ROWS = 100_000


class Tape(NamedTuple):
    """Rows that are read over the registers of a Program and more behind them.

    Parameters
    ----------
    rows : (rows, 5)
    constants : dict
        By register.
    """

    rows: Int
    constants: dict[int, float]

    def read(self, registers: Float) -> None:
        """Compute the registers of all lanes, in place."""
        for register, value in self.constants.items():
            registers[register] = value
        with np.errstate(all="ignore"):
            read_tape(self.rows, 0, len(self.rows), registers)


class Sensitive(NamedTuple):
    """A network and its sensitivities as one network.

    Parameters
    ----------
    layout : Layout
        Of numbers, then of sensitivities (number by number, each to all parameters); its registers
        are those of the Program and more.
    once : Tape
        Derivatives of what depends on parameters alone.
    observed : Tape
        Sensitivities of readings.
    first : int
        First register of the sensitivities, (numbers x parameters).
    reading : int
        First register of the sensitivities of readings, (readings x parameters).
    registers : int
    moves_corners : bool
        Whether a chosen parameter decides on the time of a corner.
    """

    layout: Layout
    once: Tape
    observed: Tape
    first: int
    reading: int
    registers: int
    moves_corners: bool


class _Reader:
    """Derivatives of registers of a Program, row by row, with respect to numbers and parameters.

    Numbers are 0, 1, ...; parameters follow after the last.
    """

    def __init__(self, program: Program, parameters: Sequence[int]) -> None:
        slots, signals = program.slots, len(program.signal_names)
        self.program, self.numbers = program, slots + signals
        self.slopes: dict[int, Slopes] = {}
        for k in range(slots):
            self.slopes[program.assay_row + k] = {k: ONE}
        for k in range(signals):
            self.slopes[program.signal_row + k] = {slots + k: ONE}
        for k, parameter in enumerate(parameters):
            self.slopes[program.parameter_row + parameter] = {self.numbers + k: ONE}

    def read(self, first: int, last: int, rows: Rows) -> None:
        """Add the rows of the derivatives of some rows of the tape."""
        for op, target, *registers in self.program.tape[first:last].tolist():
            sources = registers[: arity(op)]
            own = [self.slopes.get(r, {}) for r in sources]
            given: list[Name] = [("r", r) for r in sources]
            self.slopes[target] = slopes_of_row(rows, Op(op), ("r", target), given, own)


def sensitive(program: Program, parameters: Sequence[int]) -> Sensitive:
    """Return a network with its sensitivities.

    Parameters
    ----------
    parameters : sequence of int
        Indices of parameters.

    Raises
    ------
    RunError
        Events, functions without derivatives here, more rows than are reasonable.
    """
    general = program.general
    assert general is not None
    if general.event_ids:
        raise _refusal(f"{general.event_ids[0]} is an event", "networks without events")
    try:
        return _built(program, parameters)
    except NoDerivative as operation:
        name = str(operation).lower()
        raise _refusal(f"{name} has no derivative here", "functions other than factorial") from None
    except TooManyRows:
        given = f"{len(parameters)} parameters of {program.slots} species"
        raise _refusal(given, "sensitivities that take 100000 operations") from None


def _refusal(given: str, allowed: str) -> RunError:
    return RunError(
        given,
        allowed=allowed,
        remedy="ask for fewer parameters, or take differences of two runs",
        check="run.sensitivities",
    )


def _built(program: Program, parameters: Sequence[int]) -> Sensitive:
    general = program.general
    assert general is not None
    reader, count = _Reader(program, parameters), len(parameters)
    numbers = reader.numbers
    once = Rows(letter="l", most=MOST_ROWS)
    reader.read(0, program.lane_end, once)
    lane = dict(reader.slopes)

    rows, kept = sums_of(program)
    rows.most = MOST_ROWS
    reader.read(program.lane_end, len(program.tape), rows)
    for n, slopes in enumerate(_rate_slopes(program, reader, rows)):
        for k in range(count):
            rows.write(("d", numbers + n * count + k), _along(rows, slopes, numbers, k, count))
            rows.started.add(numbers + n * count + k)

    reader.slopes = lane
    seen = Rows(letter="o", most=MOST_ROWS)
    reader.read(program.lane_end, len(program.tape), seen)
    for i, register in enumerate(general.reading.tolist()):
        slopes = reader.slopes.get(register, {})
        for k in range(count):
            seen.write(("reading", i * count + k), _along(seen, slopes, numbers, k, count))
    moves = any(lane.get(int(r)) for r in general.stop)
    return _numbered(program, once, rows, seen, kept, (numbers, count), moves)


def _along(rows: Rows, slopes: Slopes, numbers: int, k: int, count: int) -> Name:
    """Return the derivative with respect to a parameter, by itself and through all numbers."""
    total = slopes.get(numbers + k, ZERO)
    for n in sorted(v for v in slopes if v < numbers):
        total = rows.add(total, rows.times(slopes[n], ("s", n * count + k)))
    return total


def _rate_slopes(program: Program, reader: _Reader, rows: Rows) -> list[Slopes]:
    """Return the derivatives of the rates of change of all numbers."""
    general = program.general
    assert general is not None
    found: list[Slopes] = [{} for _ in range(reader.numbers)]
    for register, changes in changes_of(program).items():
        for slot, times in changes:
            for v, slope in reader.slopes.get(register, {}).items():
                product = rows.times(("k", float(times)), slope)
                found[slot][v] = rows.add(found[slot].get(v, ZERO), product)
    for s, register in enumerate(general.law.tolist()):
        if register >= 0:
            found[program.slots + s] = reader.slopes.get(register, {})
    return found


def _numbered(
    program: Program,
    once: Rows,
    rows: Rows,
    seen: Rows,
    kept: list[int],
    sizes: tuple[int, int],
    moves: bool,
) -> Sensitive:
    """Give every name a register and put the tapes together."""
    numbers, count = sizes
    end = program.register_count
    place: dict[Name, int] = {("r", r): r for r in range(end)}
    first = end
    for i in range(numbers * count):
        place["s", i], end = end, end + 1
    for _, name, _ in once.rows:
        if name[0] == "l":
            place[name], end = end, end + 1
    reading = end
    for _, name, _ in seen.rows:
        if name[0] == "reading":
            place[name], end = end, end + 1
    constants = {}
    for value in constants_of([*once.rows, *seen.rows]):
        place["k", value], constants[end] = end, value
        end += 1
    tapes = [numbered(part.rows, place, end)[:2] for part in (once, seen)]
    own = _layout(program, rows, kept, place, first, numbers, count)
    first_tape, second_tape = (Tape(tape, constants) for tape, _ in tapes)
    registers = max(registers for _, registers in tapes)
    return Sensitive(own, first_tape, second_tape, first, reading, registers, moves)


def _layout(
    program: Program,
    rows: Rows,
    kept: list[int],
    place: dict[Name, int],
    first: int,
    numbers: int,
    count: int,
) -> Layout:
    """Return the layout of numbers and sensitivities."""
    read = {n for _, _, sources in rows.rows for n in sources}
    more = sorted(place[n] for n in read if n[0] == "l")
    # derivatives may read registers of the Program that rates do not
    made = {n for _, n, _ in rows.rows}
    others = sorted({int(n[1]) for n in read - made if n[0] == "r"} - set(kept))
    every = [
        *kept[:numbers],
        *range(first, first + numbers * count),
        *kept[numbers:],
        *others,
        *more,
    ]
    back = {register: name for name, register in place.items()}
    own = {back[register]: i for i, register in enumerate(every)}
    constants = sorted({*constants_of(rows.rows), 0.0})
    own |= {("k", value): len(every) + i for i, value in enumerate(constants)}
    total = numbers * (1 + count)
    started = sorted(int(n[1]) for n in made if n[0] == "d")
    own |= {("d", n): len(own) + i for i, n in enumerate(started)}
    tape, registers, own = numbered(rows.rows, own, len(own))
    zero = own["k", 0.0]
    law = np.array([own.get(("d", n), zero) for n in range(total)], np.int32)
    nothing = np.zeros(0, np.int32)
    layout = Layout(nothing, tape, law, np.array(every, np.int32), np.array(constants), registers)
    return layout._replace(packed=layout.packed_with(program, (nothing, nothing, nothing)))
