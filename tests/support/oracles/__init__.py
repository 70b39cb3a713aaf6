"""How the consumers of what `zenml-login env` writes read it: one module per consumer, each `read(bytes)` returns the
variables that it would set, and raises `Unreadable` where the consumer would stop with an error.

They follow the consumers' documentation and source, not our writers."""


class Unreadable(Exception):
    """The consumer refuses this text."""
