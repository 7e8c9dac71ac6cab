"""Networks that are there already: bundled ones, styles, teachers, checkpoints, and means of them."""
