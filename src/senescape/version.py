"""The version, in one place, so that results can carry it without importing the public API."""

from typing import Final

__version__: Final = "0.1.0"
