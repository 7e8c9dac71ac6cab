"""animecam turns the people in a webcam or a video into anime characters, live."""

__version__ = "0.1.0"
