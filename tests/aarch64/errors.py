"""What can go wrong: something is not at hand, or ferlite does not do what it should."""


class UnavailableError(Exception):
    """What emulation needs is not at hand here; the message says what."""


class CheckError(Exception):
    """Something that must hold does not; the message says what."""
