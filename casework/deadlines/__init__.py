"""How the rules of a procedure become deadlines in a story: opened, moved, met, ended, missed.

Nothing here knows any rule. An event arrives; every timescale that names it is asked what it means.
"""

from casework.deadlines.change import end, end_all, end_with, met, open_case_set, owed, release, set_date, withhold

__all__ = ["end", "end_all", "end_with", "met", "open_case_set", "owed", "release", "set_date", "withhold"]
