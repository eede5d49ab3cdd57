"""Procedures as people read them: in words, side by side, and as a process map."""
