"""Errors that a user can mend."""


class UserError(Exception):
    """An error that a user can mend. Commands print its message, one line, and exit with 2."""
