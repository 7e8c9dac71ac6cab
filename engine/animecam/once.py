"""Lines of the log that every style, session and start of a network would repeat."""

import functools
import logging


@functools.cache
def tell_once(log: logging.Logger, level: int, text: str) -> None:
    """Logs a line the first time that it comes in this process."""
    log.log(level, "%s", text)
