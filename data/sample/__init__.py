"""The embedded sample of real logos and what makes it."""
