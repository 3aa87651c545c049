"""What every test stands on: the demo's settings, unless the test says otherwise."""

from __future__ import annotations

import os

os.environ.setdefault("DEMO", "1")
