"""Errors of the export: one line what is wrong, one line what to do."""

from animecam.errors import AnimecamError


class ExportError(AnimecamError):
    """A checkpoint cannot be read, or its export is not the same network."""
