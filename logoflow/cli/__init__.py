"""The command line: parsing, printing and exit codes; what it asks for is done elsewhere."""
