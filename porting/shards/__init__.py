"""``verify`` over many samples files: one run in memory at a time, on several processes or a Dask cluster, resumable; ``docs/shards.md``."""

from __future__ import annotations

from porting.shards.verifying import Sharded, verify_shards

__all__ = ["Sharded", "verify_shards"]
