"""Figures that say how a style came out: likeness to anime, likeness to the person, calm over time."""
