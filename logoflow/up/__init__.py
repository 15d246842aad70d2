"""`logoflow up`: Prefect's server, a worker and the status pages as processes of this machine."""
