"""What aiohttp says of requests: mistakes of ours with where they are, those of strangers for whoever looks closely."""

import logging
from typing import TYPE_CHECKING, Any

from aiohttp.http_exceptions import HttpProcessingError

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter


class RequestLog(Adapter):
    """A log for `aiohttp.web.AppRunner`: a request that is no HTTP is answered with 400, and is no error of ours."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **others: Any) -> None:
        """Logs an error with its traceback, a malformed request in one line with --verbose."""
        if isinstance(exc_info, HttpProcessingError):
            self.info("a malformed request: %s", str(exc_info.message).split("\n", 1)[0].rstrip(": "))
            return
        super().exception(msg, *args, exc_info=exc_info, **others)
