"""Who may come in: on this machine's own address anybody here, elsewhere whoever has the token."""

import secrets
from hashlib import sha256
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from animecam.web.options import Refusal, is_loopback

_DIGEST_DIGITS = 8
_OPEN_PATHS = frozenset({"/healthz", "/app.css", "/icon.svg"})  # the last two dress the page that asks for the token
_READING = frozenset({"GET", "HEAD"})


class Gate:
    """Decides about requests.

    Args:
        token: What a request must carry; empty lets in whoever reaches a loopback address.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._cookie = cookie_name(token)

    def check(self, request: web.Request) -> None:
        """Lets a request pass or refuses it.

        Raises:
            Refusal: The token is missing or wrong, or another site's page sent the request.
        """
        if request.path in _OPEN_PATHS:
            return
        if self._token:
            if not self.is_token(_bearer(request) or request.cookies.get(self._cookie, "")):
                raise Refusal(
                    "this server asks for a token",
                    hint="open the address that animecam serve printed",
                    status=401,
                    reason="token",
                )
        elif not is_loopback(_parts(f"//{request.host}").hostname or ""):
            # Without a token the address is the protection: a foreign name that points here (DNS rebinding) is no key.
            hint = "open it as http://localhost; behind a proxy start it with --token"
            raise Refusal("this server answers to localhost only", hint=hint, status=421, reason="host")
        origin = request.headers.get("Origin")
        is_upgrade = "Upgrade" in request.headers  # a WebSocket is opened by GET, from any site's page
        is_change = is_upgrade or request.method not in _READING
        if is_change and origin is not None and _parts(origin).netloc != request.host:
            hint = "open this server's own page"
            raise Refusal("another site's page may not use this server", hint=hint, status=403, reason="origin")

    def is_token(self, text: str) -> bool:
        """Whether a text is the token, in constant time."""
        # Bytes of a header that are no UTF-8 come as halves of surrogates, which cannot be encoded as they are.
        given = text.encode(errors="surrogatepass")
        return bool(self._token) and secrets.compare_digest(given, self._token.encode())

    def admit(self, response: web.StreamResponse, *, is_secure: bool) -> None:
        """Gives a browser that showed the token a cookie in its place, so that addresses need not carry it."""
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict", secure=is_secure)


def cookie_name(token: str) -> str:
    """What the cookie of a token is called: browsers keep one of a name for all ports of a host."""
    return f"animecam_{sha256(token.encode()).hexdigest()[:_DIGEST_DIGITS]}"


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _parts(address: str) -> SplitResult:
    """The parts of an address, all empty if it is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
