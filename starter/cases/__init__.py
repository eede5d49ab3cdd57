"""Reaching the cases: those that run, and those in the record; their history; opening one."""
