"""How the rules of a procedure become deadlines on a case: opened, moved, met, ended, missed.

Nothing here knows any rule. An event arrives; every timescale that names it is asked what it means.
"""

from casework.deadlines.alarms import GRACE, alarm, lapse
from casework.deadlines.change import cancel, end_with, forget_old, met, open_case_set, owed
from casework.deadlines.follow import Fact, follow
from casework.deadlines.recount import adopt, recount, set_date
from casework.deadlines.withholding import release, withhold
from casework.deadlines.words import spoken_due

__all__ = [
    "GRACE",
    "Fact",
    "adopt",
    "alarm",
    "cancel",
    "end_with",
    "follow",
    "forget_old",
    "lapse",
    "met",
    "open_case_set",
    "owed",
    "recount",
    "release",
    "set_date",
    "spoken_due",
    "withhold",
]
