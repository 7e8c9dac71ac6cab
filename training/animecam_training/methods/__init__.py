"""Ways to train a generator: towards drawn targets, from a teacher, or adversarially from unpaired pictures."""
