"""Many hosts or wells over time, as one labelled array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .precision import Precision
from .provenance import Provenance

if TYPE_CHECKING:
    import pandas
    import xarray

Float = NDArray[np.float64]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Summary:
    """Moments and quantiles over hosts.

    Parameters
    ----------
    mean, sd, mean_error : (variables, times)
        Mean, standard deviation (n - 1) and standard error of the mean.
    quantiles : (levels, variables, times)
        At :data:`QUANTILES`.
    """

    mean: Float
    sd: Float
    mean_error: Float
    quantiles: Float


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Values of each variable in each host at each time.

    Parameters
    ----------
    time : (times,)
        [day], 0 is the first treatment.
    names, units : tuple of str
        One a variable.
    values : (variables, times, hosts)
        Whole numbers of cells from stochastic engines, means from the mean field.
    regimen : str
        Name of what was given.
    provenance : Provenance
        How to compute it again.
    precision : Precision or None
        Where a rule was to end the run: whether it did, and how precise the answer is.
    """

    time: Float
    names: tuple[str, ...]
    units: tuple[str, ...]
    values: Float
    regimen: str
    provenance: Provenance
    precision: Precision | None = None

    @property
    def hosts(self) -> int:
        """Number of hosts (in vitro: wells)."""
        return self.values.shape[2]

    def variable(self, name: str) -> Float:
        """Return one variable, shape (times, hosts)."""
        return self.values[self.names.index(name)]

    def summary(self) -> Summary:
        """Return moments and quantiles over hosts; sd is 0 where there is one host."""
        mean = self.values.mean(axis=2)
        sd = self.values.std(axis=2, ddof=1) if self.hosts > 1 else np.zeros_like(mean)
        quantiles = np.quantile(self.values, QUANTILES, axis=2)
        return Summary(mean, sd, sd / np.sqrt(self.hosts), quantiles)

    def to_dict(self) -> dict[str, object]:
        """Return the summary as plain data, as ``senescape simulate --json`` prints it."""
        summary = self.summary()
        variables = {
            name: {
                "unit": self.units[i],
                "mean": summary.mean[i].tolist(),
                "sd": summary.sd[i].tolist(),
                "mean_error": summary.mean_error[i].tolist(),
                "quantiles": {
                    f"{level:g}": summary.quantiles[k, i].tolist()
                    for k, level in enumerate(QUANTILES)
                },
            }
            for i, name in enumerate(self.names)
        }
        return {"time_unit": "day", "time": self.time.tolist(), "variables": variables}

    def to_xarray(self) -> xarray.Dataset:
        """Return an ``xarray.Dataset`` with dimensions (time, host), units and long names."""
        import xarray

        data = {
            name: (("time", "host"), self.values[i], {"units": self.units[i], "long_name": name})
            for i, name in enumerate(self.names)
        }
        coordinates = {
            "time": ("time", self.time, {"units": "day", "long_name": "time since treatment"}),
            "host": np.arange(self.hosts),
        }
        attributes = {"regimen": self.regimen, "seed": self.provenance.seed}
        return xarray.Dataset(data, coordinates, attributes)

    def to_dataframe(self) -> pandas.DataFrame:
        """Return a tidy table: time, host, and one column a variable."""
        return self.to_xarray().to_dataframe().reset_index()

    def _repr_html_(self) -> str:
        return str(self.to_xarray()._repr_html_())
