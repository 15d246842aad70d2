"""Texts for people without the secrets that an address or the environment may have brought into them."""

import os
import re

CREDENTIALS = r"^[A-Za-z][A-Za-z0-9+.-]*://([^/]*[@:]|.*\?[A-Za-z0-9_.-]+=)"
"""An address that holds a user, a password or the query of a signed one; no bucket has @ or : in its name."""

_USER = re.compile(r"(?<=://)([^\s'\"@/:]+|[^\s'\"@/]*:[^\s'\"@]*)@")
_QUERY = re.compile(r"(://[^\s'\"?]*\?)[^\s'\"]*=[^\s'\"]*")
_NAMES = re.compile(r"SECRET|TOKEN|PASSW|AUTH|CREDENTIAL|API_KEY|PRIVATE", re.IGNORECASE)
_SHORTEST = 6
"""Values of fewer characters are words that stand in texts by chance."""


def redacted(text: str) -> str:
    """The text with *** for what addresses hold of users and queries, and for secrets of the environment."""
    text = _QUERY.sub(r"\1***", _USER.sub("***@", text))
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST and _NAMES.search(name):
            text = text.replace(value, "***")
    return text
