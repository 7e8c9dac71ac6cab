"""The network that finds persons, which most runs never ask: one for all who do."""

from contextlib import ExitStack

import numpy as np

from animecam.backends.base import Backend, BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.render.base import FindPersons
from animecam.render.person import MODEL, PersonMasker
from animecam.settings import HeadEdge, Scope, Settings
from animecam.types import WHOLE_FRAME, Region

_SEEN_PX = 256  # side of the picture that it is tried with


class PersonNetwork:
    """Opens the network when it is first asked, for a sixth of a second.

    Args:
        choice: What computes it.
        options: How.
        stack: Closes it.
    """

    def __init__(self, choice: BackendChoice, options: BackendOptions, stack: ExitStack) -> None:
        self._choice, self._options, self._stack = choice, options, stack
        self._network: Backend | None = None

    def __call__(self) -> Backend:
        """The network, open.

        Raises:
            BackendError: The runtime does not work here.
        """
        if self._network is None:
            self._network = open_backend(MODEL, self._choice, self._options)
            self._stack.callback(self._network.close)
        return self._network

    def finder(self) -> FindPersons:
        """What finds persons and knows nobody yet."""
        return PersonMasker(self)

    def warm_up(self) -> None:
        """Looks for persons in one picture, so that no frame waits for what is loaded by that.

        Raises:
            BackendError: The runtime does not work here.
        """
        region = Region(WHOLE_FRAME, _SEEN_PX, _SEEN_PX, np.eye(2, 3))
        self.finder()((region,), (np.zeros((_SEEN_PX, _SEEN_PX, 3), np.uint8),))


def looks_for_persons(settings: Settings) -> bool:
    """Whether the look to begin with needs to know where persons are."""
    look = settings.look
    is_edge = look.scope is Scope.PERSON or settings.head_edge is HeadEdge.PERSON
    return is_edge or look.hides_background or look.hair_rgb is not None
