"""Questions beside the verdict: what changes between two settings of one scenario."""

from __future__ import annotations

from typing import Literal

from .base import Noun
from .cells import Name


class Setting(Noun):
    """A treatment and a variant; what is left out is that of the headline."""

    regimen: str | None = None
    variant: Name | None = None


class Contrast(Noun):
    """``of`` in one setting minus ``of`` in another, in the same draws, hosts and chance.

    Parameters
    ----------
    of : str
        ``effect``: V, the effect of inducing senescence (the back-up value is V with apoptosis
        blocked minus V with apoptosis intact); ``outcome``: the end point itself (a senolytic
        given minus not given).
    """

    label: str
    of: Literal["effect", "outcome"]
    left: Setting
    right: Setting
