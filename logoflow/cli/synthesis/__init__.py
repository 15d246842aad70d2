"""Commands that draw with a generator: what is asked for, what is drawn, how it is written, and how it is made again."""
