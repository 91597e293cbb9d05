"""From a clip to an archive: many studies, one table, nothing lost and nothing done twice.

``source (items) -> ledger (SQLite) -> foreman -> engine (worker processes or Ray actors) -> ledger -> tables and report``

A worker calls :mod:`echoseg.pipeline` on one item at a time; only the foreman writes to the ledger. Import the module you need;
importing this package imports none of them.
"""
