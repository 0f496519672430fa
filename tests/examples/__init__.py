"""The sites of `examples/`: each is run, and gives the figures that are kept beside it."""
