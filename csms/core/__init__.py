"""The pure core: facts in, commands and records out, time as an argument.

Nothing here does I/O, reads a clock, draws a random number or logs: whole days are simulated in seconds, and the same
facts at the same times always give the same commands.
"""
