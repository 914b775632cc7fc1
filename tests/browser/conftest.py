"""Not part of the default suite: ``make test-browser`` sets RNNPORT_BROWSER, and then a browser that is not there is a failure."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("RNNPORT_BROWSER") else ["test_*.py"]
