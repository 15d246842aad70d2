"""Who may reach our servers (this machine only, or whoever knows the password), and whom they tell."""

import ipaddress

from logoflow.errors import UserError

LOOPBACK = "127.0.0.1"
PASSWORD_VARIABLE = "LOGOFLOW_PASSWORD"
WEBHOOK_VARIABLE = "LOGOFLOW_WEBHOOK"


def check_reach(host: str, password: str | None) -> None:
    """Refuse an address that can be reached from other machines where there is no password.

    Raises:
        UserError: so it is.
    """
    if not password and not is_loopback(host):
        raise UserError(
            f"{host} can be reached from other machines: set {PASSWORD_VARIABLE} to a password, or use {LOOPBACK}."
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and cannot be reached from another."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
