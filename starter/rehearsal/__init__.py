"""Rehearsals: a scenario is lived through by the real workflow, on a server that skips time."""
