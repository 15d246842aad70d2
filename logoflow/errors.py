"""The errors that a user can mend: one sentence each, with the remedy."""


class UserError(ValueError):
    """Something that the user asked for or configured cannot be done; the message is one sentence with the remedy."""
