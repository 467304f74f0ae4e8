"""One verdict as a page."""

from senescape.report.page import chosen_verdict, verdict_page

__all__ = ["chosen_verdict", "verdict_page"]
