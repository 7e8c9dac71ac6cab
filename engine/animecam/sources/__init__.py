"""Where frames come from: cameras, files, network streams, pictures, and a synthetic camera."""
