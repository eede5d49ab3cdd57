"""The functional core: what a message means for a case, under one authority's procedure.

Pure Python and pydantic. It knows nothing of Temporal, of the network or of the clock: every function is
given the instant it is to decide at, so a whole case life can be run here in milliseconds.
"""
