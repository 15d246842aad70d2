"""Images at rest: readers for each source, the image table, pixels for the stages, the embedded sample."""
