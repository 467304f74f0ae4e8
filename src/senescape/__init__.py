"""Therapy-induced senescence in cancer, simulated and judged: friend or foe.

A research tool, not for patients. The names re-exported here are the public API; no room imports
this module.
"""

from senescape.version import __version__

__all__ = ["__version__"]
