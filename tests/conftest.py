"""What holds for every test."""

import signal

# What a shell starts in the background is deaf to Ctrl-C, and so are its children: those of the tests have to hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)
