"""The network that finds persons, which most runs never ask: one for all who do."""

import threading
from contextlib import ExitStack

import numpy as np

from animecam.backends.base import Backend, BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.render.base import FindPersons
from animecam.render.person import MODEL, PersonMasker
from animecam.settings import HeadEdge, Look, Scope
from animecam.types import WHOLE_FRAME, Region

_SEEN_PX = 256  # side of the picture that it is tried with


class PersonNetwork:
    """Opens the network when it is first asked, for a sixth of a second, if nobody has done so beside those who draw.

    Args:
        choice: What computes it.
        options: How.
        stack: Closes it.
    """

    def __init__(self, choice: BackendChoice, options: BackendOptions, stack: ExitStack) -> None:
        self._choice, self._options, self._stack = choice, options, stack
        self._network: Backend | None = None
        self._opening = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether nobody waits who asks for it; any thread."""
        return self._network is not None

    def __call__(self) -> Backend:
        """The network, open; who asks while it is opened in another thread waits for that.

        Raises:
            BackendError: The runtime does not work here.
        """
        return self._network or self._open()

    def finder(self) -> FindPersons:
        """What finds persons and knows nobody yet."""
        return PersonMasker(self)

    def warm_up(self) -> None:
        """Opens it now, in any thread, others may draw meanwhile.

        Raises:
            BackendError: The runtime does not work here.
        """
        self()

    def _open(self) -> Backend:
        """It looks for persons in one picture first, so that no frame waits for what is loaded by that."""
        with self._opening:
            if self._network is None:
                with ExitStack() as own:  # until it has run: two threads may not, and nobody else knows it yet
                    network = open_backend(MODEL, self._choice, self._options)
                    own.callback(network.close)
                    region = Region(WHOLE_FRAME, _SEEN_PX, _SEEN_PX, np.eye(2, 3))
                    PersonMasker(lambda: network)((region,), (np.zeros((_SEEN_PX, _SEEN_PX, 3), np.uint8),))
                    self._stack.enter_context(own.pop_all())
                self._network = network
            return self._network


def looks_for_persons(look: Look, head_edge: HeadEdge) -> bool:
    """Whether what is drawn needs to know where persons are."""
    is_edge = look.scope is Scope.PERSON or head_edge is HeadEdge.PERSON
    return is_edge or look.hides_background or look.hair_rgb is not None
