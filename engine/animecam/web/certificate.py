"""TLS for a server that strangers' cameras can use: browsers give cameras to https pages and to localhost only."""

import datetime
import ipaddress
import logging
import os
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from animecam.cache import write_whole
from animecam.errors import UsageError

log = logging.getLogger(__name__)

VALID_DAYS = 397  # the longest that browsers accept
SPARE_DAYS = 7  # one that ends sooner is replaced


@dataclass(frozen=True, slots=True)
class OwnTls:
    """TLS settings with a certificate that the server made itself.

    Attributes:
        context: The settings.
        fingerprint: SHA-256 of the certificate, as browsers show it.
        obstacle: Why the certificate is not kept and lasts for this run only; empty if it is kept.
    """

    context: ssl.SSLContext
    fingerprint: str
    obstacle: str = ""


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """A server's TLS settings.

    Args:
        certificate: PEM file.
        key: PEM file of its key; None if it is in the same file.

    Raises:
        UsageError: A file cannot be read, or they do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(
            f"certificate {certificate} cannot be used: {error.strerror or error}",
            hint="give PEM files: --certificate FILE --key FILE",
        ) from error
    return context


def own_tls(hosts: Sequence[str], folder: Path | None = None) -> OwnTls:
    """TLS settings with a self-signed certificate, a kept one where there is a place for it.

    Args:
        hosts: Names and addresses it must hold for.
        folder: Where it is kept; None is the user's data folder.

    Raises:
        UsageError: Not even a temporary file can be written.
    """
    try:
        return _loaded(own_certificate(hosts, folder))
    except OSError as error:  # a container whose disk is read-only, a folder of another user
        obstacle = _in_words(error)
    try:
        with tempfile.TemporaryDirectory(prefix="animecam-") as temporary:  # the key stays nowhere once it is loaded
            return replace(_loaded(own_certificate(hosts, Path(temporary))), obstacle=obstacle)
    except OSError as error:
        what = f"there is no place for a certificate: {_in_words(error)}"
        raise UsageError(what, hint="give one: --certificate FILE --key FILE") from error


def own_certificate(hosts: Sequence[str], folder: Path | None = None) -> Path:
    """A self-signed certificate that is kept, so that a browser has to be told only once.

    Args:
        hosts: Names and addresses it must hold for.
        folder: Where it is kept; None is the user's data folder.

    Returns:
        PEM file of certificate and key, readable by the user alone.

    Raises:
        OSError: It cannot be kept there.
    """
    folder = folder or platformdirs.user_data_path("animecam")
    path = folder / "serve.pem"
    found = _found(path)
    if found is None or not _still_good(found, hosts):
        if found is None and os.access(path, os.R_OK):
            log.warning("%s was damaged: there is a new certificate, of which browsers warn once more", path)
        folder.mkdir(parents=True, exist_ok=True)
        # A new file, which the user alone can read: one that lies there keeps its rights, whatever is written to it.
        write_whole(path.resolve(), _new_certificate(hosts))  # a link keeps pointing at it
    return path


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate, as browsers show it."""
    digest = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
    return ":".join(f"{byte:02X}" for byte in digest)


def _loaded(certificate: Path) -> OwnTls:
    return OwnTls(tls_context(certificate, None), fingerprint(certificate))


def _in_words(error: OSError) -> str:
    what = error.strerror or str(error)
    return what if error.filename is None else f"{error.filename}: {what}"


def _found(path: Path) -> x509.Certificate | None:
    """The certificate that is kept; None if there is none, or it or its key was damaged."""
    try:
        pem = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(pem, None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it asks for a password
        return None
    return certificate if key.public_key() == certificate.public_key() else None


def _still_good(certificate: x509.Certificate, hosts: Sequence[str]) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=SPARE_DAYS)
    return certificate.not_valid_after_utc > soon and all(_name(host) in names for host in hosts)


def _new_certificate(hosts: Sequence[str]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "animecam")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # a phone's clock may be behind
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.encode("idna").decode("ascii"))
