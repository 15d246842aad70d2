"""The errors that a user can mend: one sentence each, with the remedy."""

from logoflow.redact import redacted


class UserError(ValueError):
    """Something that the user asked for or configured cannot be done; the message is one sentence with the remedy."""

    def __init__(self, sentence: str) -> None:
        super().__init__(redacted(sentence))  # it may quote what the user gave
