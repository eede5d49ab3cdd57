"""A procedure's process map, drawn from the running rules; with a case, where the case stands on it."""
