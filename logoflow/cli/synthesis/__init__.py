"""Commands that draw with a generator: what is asked, what is drawn, how it is written, and how it is made again."""
