"""The store: the only truth about what has been made, from what, and whether it is still good."""
