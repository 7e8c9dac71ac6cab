"""The networks: the double-tail generator, its small student and the discriminators."""
