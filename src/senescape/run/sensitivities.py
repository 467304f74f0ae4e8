"""How much every reading of a network from SBML depends on every parameter, over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.errors import RunError, nearest

from .budget import check_size

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Derived:
    """Readings and their derivatives.

    Parameters
    ----------
    names, parameters : tuple of str
    time : (times,)
        In the unit of the file.
    values : (names, times)
    slopes : (names, parameters, times)
        d(reading)/d(parameter), in the units of the file.
    defaults : (parameters,)
        Values of the parameters.
    """

    names: tuple[str, ...]
    parameters: tuple[str, ...]
    time: Float
    values: Float
    slopes: Float
    defaults: Float

    @property
    def elasticities(self) -> Float:
        """d(ln reading)/d(ln parameter): per cent a per cent; NaN where a reading is 0."""
        values = np.where(self.values == 0.0, np.nan, self.values)[:, None]
        scaled: Float = self.slopes * self.defaults[None, :, None] / values
        return scaled


def sensitivities(
    program: Program,
    times: Float,
    parameters: Sequence[str] | None = None,
    *,
    relative: float = 1e-8,
) -> Derived:
    """Return readings of a network from SBML, and their derivatives, by the mean field.

    Parameters
    ----------
    program : Program
        Of a file (:func:`senescape.files.read_sbml`, :func:`senescape.compile.lower`).
    times : (times,)
        In order, from 0 on, in the unit of the file.
    parameters : sequence of str, optional
        All that stand in the file by default. Initial assignments are computed when a file is
        read: a parameter acts by laws and rules only.
    relative : float
        Tolerance of every number and every derivative in each step.

    Raises
    ------
    RunError
        An unknown parameter, one asked for twice; what
        :func:`senescape.engines.mean_field.forward.forward_sensitivities` refuses.
    """
    from senescape.engines.mean_field.forward import forward_sensitivities

    general = program.general
    if general is None:
        raise TypeError("a network of an SBML file is needed")
    chosen = program.parameter_names if parameters is None else tuple(parameters)
    for name in chosen:
        if name not in program.parameter_names or chosen.count(name) > 1:
            raise RunError(
                f"parameter {name}" + (" twice" if name in program.parameter_names else ""),
                allowed="constants of the file, each once",
                remedy=nearest(name, program.parameter_names),
                check="run.parameter",
            )
    check_size(len(general.reading) * (1 + len(chosen)), len(times), 1)
    indices = [program.parameter(name) for name in chosen]
    defaults = program.parameter_defaults
    values, slopes = forward_sensitivities(
        program, defaults[:, None].copy(), indices, times, relative=relative
    )
    return Derived(
        general.reading_names, chosen, times, values[..., 0], slopes[..., 0], defaults[indices]
    )
