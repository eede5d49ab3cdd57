"""The stages of the casework, one module each: its messages, each beside the function that says what it means."""

from casework import requests
from casework.messages import MESSAGES
from casework.stages import (
    any_time,
    assessment,
    child,
    conference,
    corrections,
    duties,
    ends,
    enquiry,
    medical,
    plan,
    referral,
    strategy,
)

STAGES = (
    referral,
    strategy,
    enquiry,
    assessment,
    conference,
    plan,
    child,
    medical,
    duties,
    any_time,
    ends,
    requests,
    corrections,
)
"""Importing them fills the table of messages."""

__all__ = ["MESSAGES", "STAGES"]
