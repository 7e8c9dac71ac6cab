"""Cropping regions out of frames and compositing styled ones back."""
