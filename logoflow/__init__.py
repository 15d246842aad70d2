"""What holds the pipeline together: configuration, stages, store, status, command line, report."""
