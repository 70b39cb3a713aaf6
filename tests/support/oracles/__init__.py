"""How the consumers of what `zenml-login env` writes read it: one module per consumer, each `read(bytes)` returns the
variables that it would set, and raises `Unreadable` where the consumer would stop with an error.

They follow the consumers' documentation and source, not our writers."""


class Unreadable(Exception):
    """The consumer refuses this text."""


# What Go's unicode.IsSpace takes for a blank, which is not what Python does.
GO_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200b)))
