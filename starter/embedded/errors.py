"""What can go wrong with the embedded servers, said so that a person can act on it."""


class EmbeddedError(Exception):
    """The embedded servers cannot start or go on; the message says why and what to do."""


class DidNotStart(EmbeddedError):
    """A server's program ended, or did not answer, while it was being started."""
