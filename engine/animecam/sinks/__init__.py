"""Where frames go: files, windows, streams, pictures, or nowhere."""
