"""The report as a page: one HTML file with everything in it, or served and kept up to date."""

from sweep.report.page.page import fragment, page
from sweep.report.page.views import Figure

__all__ = ["Figure", "fragment", "page"]
