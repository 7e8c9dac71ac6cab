"""A file that one process has for itself."""

import logging
import sys
from typing import IO

NOT_LOCKED = "%s cannot be locked, so other processes may use it, too: %s"

log = logging.getLogger(__name__)

if sys.platform == "win32":
    import msvcrt

    def take_lock(file: IO[bytes]) -> bool:
        """See below; there the first byte is locked, which keeps others from reading and writing it."""
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        except OSError as error:
            log.info(NOT_LOCKED, file.name, error.strerror)
        return True

else:
    import fcntl

    def take_lock(file: IO[bytes]) -> bool:
        """Takes an open file until it is closed, or the process ends, however that does.

        Returns:
            Whether it may be used: False where another one has it, in this process or in another. True, too, where
            nothing can be locked, as in folders of some networks: there nobody can tell.
        """
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            log.info(NOT_LOCKED, file.name, error.strerror)
        return True
