"""What a user can mend."""


class UserError(Exception):
    """Something that a user can mend. Commands print the message, one line, and exit with 2."""
