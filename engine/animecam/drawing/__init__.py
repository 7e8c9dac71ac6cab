"""What draws: the networks of styles, and the renderers that they draw for."""
