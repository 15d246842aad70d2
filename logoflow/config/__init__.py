"""The typed configuration: one YAML file is one experiment, and wrong values are refused before anything runs."""
