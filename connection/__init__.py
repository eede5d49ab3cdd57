"""What both the worker and the starter need to reach Temporal."""
