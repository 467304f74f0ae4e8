"""Numbers and sensitivities along the solution of a network from SBML; see :mod:`.sensitive`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.errors import RunError

from ..protocol import refresh
from ..state import State, Streams
from .general import advance_together, common_stops, start_flow, steppers_for
from .sensitive import Sensitive, sensitive

Float = NDArray[np.float64]


# The plain twin meets NumPy's warnings where kernels look for themselves.
@np.errstate(all="ignore")
def forward_sensitivities(
    program: Program,
    parameters: Float,
    chosen: Sequence[int],
    times: Float,
    *,
    relative: float = 1e-8,
) -> tuple[Float, Float]:
    """Return readings and their derivatives with respect to parameters.

    Parameters
    ----------
    parameters : (parameters, lanes)
    chosen : sequence of int
        Indices of the parameters to derive by.
    times : (outputs,)
        In order, from the start on.
    relative : float
        Tolerance of every number and every sensitivity in each step.

    Returns
    -------
    tuple
        (readings, outputs, lanes) and (readings, chosen, outputs, lanes).

    Raises
    ------
    RunError
        What :func:`.sensitive.sensitive` refuses; corners at times that a chosen parameter moves or
        that are other times in other lanes; a lane that neither method can carry.
    """
    own = sensitive(program, chosen)
    lanes = parameters.shape[1]
    start = start_flow(program, parameters, Streams.hosts(1, lanes))
    stops = common_stops(program, start)
    if stops is None or own.moves_corners:
        raise RunError(
            "corners of laws at times that differ or that parameters decide on",
            allowed="laws whose corners in time stand still",
            remedy="take differences of two runs",
            check="run.sensitivities",
        )
    registers = np.zeros((own.registers, lanes))
    registers[: program.register_count] = start.registers
    own.once.read(registers)
    numbers, count = program.slots + len(program.signal_names), len(chosen)
    first = np.zeros((numbers * count, lanes))
    state = replace(
        start,
        signal=np.concatenate([start.signal, first]),
        input=np.zeros((numbers * (1 + count) - program.slots, lanes)),
        registers=registers,
    )
    path = _path(program, own, state, times, stops, relative)
    return _observed(program, own, start, path, times, count)


def _path(
    program: Program, own: Sensitive, state: State, times: Float, stops: Float, relative: float
) -> Float:
    """Return numbers and sensitivities at each time, (outputs, numbers, lanes)."""
    steppers = steppers_for(program, own.layout)
    path = np.empty((len(times), len(own.layout.law), state.lanes))
    path[times <= state.time] = np.concatenate([state.counts, state.signal])
    until = float(times[-1])
    inner = stops[(stops > state.time) & (stops < until)]
    for stop in (*inner.tolist(), until):
        inside = (times > state.time) & (times <= stop)
        part = path[inside]
        left = advance_together(state, stop, steppers, relative, times[inside], part)
        if len(left):
            raise RunError(
                f"sensitivities of lane {int(left[0])} cannot be carried to time {stop:g}",
                allowed="a solution to the end",
                remedy="ask for an earlier end, for fewer parameters, or take differences of runs",
                check="run.solver",
            )
        path[inside] = part
        state.time = stop
    return path


def _observed(
    program: Program, own: Sensitive, state: State, path: Float, times: Float, count: int
) -> tuple[Float, Float]:
    """Return readings and their sensitivities."""
    general = program.general
    assert general is not None
    numbers, readings = program.slots + len(program.signal_names), len(general.reading)
    values = np.empty((readings, len(times), state.lanes))
    slopes = np.empty((readings, count, len(times), state.lanes))
    registers = np.zeros((own.registers, state.lanes))
    for index, time in enumerate(times.tolist()):
        state.time = time
        state.counts[:] = np.maximum(path[index, : program.slots], 0.0)
        state.signal[:] = path[index, program.slots : numbers]
        refresh(program, state)
        values[:, index] = state.registers[general.reading]
        registers[: program.register_count] = state.registers
        own.once.read(registers)
        registers[own.first : own.first + numbers * count] = path[index, numbers:]
        own.observed.read(registers)
        found = registers[own.reading : own.reading + readings * count]
        slopes[:, :, index] = found.reshape(readings, count, -1)
    return values, slopes
