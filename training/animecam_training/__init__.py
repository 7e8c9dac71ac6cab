"""Training of the double-tail generator (DTGAN) and of the small student that runs on CPUs."""
