"""Commands named by the user's verb, each a few lines over the API."""

from senescape.cli.app import main

__all__ = ["main"]
