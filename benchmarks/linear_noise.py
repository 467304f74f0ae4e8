"""Mean and standard deviation of a reaction network in the limit of many cells.

The mean follows the rate equations, the covariance C the linear-noise equation
C' = J C + C J' + S diag(a) S' (van Kampen, Stochastic Processes in Physics and Chemistry, ch. X);
the Jacobian is exact to rounding (complex steps). The oracle of the leap where no exact engine
runs.
"""

from __future__ import annotations

import numpy as np
from networks import Reactions
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

Float = NDArray[np.float64]
STEP = 1e-30


def limit(net: Reactions, until: float) -> tuple[Float, Float]:
    """Return means and standard deviations of all species at ``until`` [day], (species,) each."""
    names = list(net.species)
    change = np.array(
        [[made.get(s, 0) - used.get(s, 0) for used, made, _ in net.reactions] for s in names], float
    )
    laws = [compile(rate, "rate", "eval") for _, _, rate in net.reactions]
    size = np.array([max(1.0, float(sum(net.species.values())))])[0]

    def rates(x: NDArray[np.complex128] | Float) -> NDArray[np.complex128]:
        given = dict(net.parameters) | dict(zip(names, x, strict=True))
        return np.array([eval(law, {}, given) for law in laws])  # noqa: S307 (our own texts)

    def slope(_: float, y: Float) -> Float:
        n = len(names)
        x, cov = y[:n] * size, y[n:].reshape(n, n)
        jacobian = np.empty((n, n))
        for j in range(n):
            moved = x.astype(complex)
            moved[j] += STEP * 1j
            jacobian[:, j] = change @ (rates(moved).imag / STEP)
        a = rates(x).real
        noise = change @ (a[:, None] * change.T) / size
        return np.concatenate(
            [change @ a / size, (jacobian @ cov + cov @ jacobian.T + noise).ravel()]
        )

    start = np.array([net.species[s] for s in names], float) / size
    y0 = np.concatenate([start, np.zeros(len(names) ** 2)])
    y = solve_ivp(slope, (0.0, until), y0, method="LSODA", rtol=1e-9, atol=1e-13).y[:, -1]
    n = len(names)
    variance = np.diag(y[n:].reshape(n, n)) * size
    return y[:n] * size, np.sqrt(np.maximum(variance, 0.0))
