"""Faults on purpose: cases live while workers, Temporal and Postgres are killed and frozen under them, and are then
checked from outside.

    python -m tests.faults            a long run: random lives, random faults (docs/operating.md)
    python -m tests.faults.queries    whether a query that a fresh worker answers leaves a history that replays
"""
