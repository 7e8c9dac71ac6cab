"""The server as a program: where it listens, how it ends, what it tells, and its TLS."""

import asyncio
import math
import os
import signal
import socket
import ssl
import stat
import sys

import aiohttp
import pytest
from click.testing import CliRunner
from cryptography import x509

from animecam.cli.serve import serve as command
from animecam.errors import UsageError
from animecam.settings import Look, Settings
from animecam.web.addresses import reachable_hosts, url
from animecam.web.certificate import fingerprint, own_certificate, own_tls, tls_context
from animecam.web.options import Limits, ServeOptions, is_loopback
from animecam.web.server import Site, serve
from animecam.web.studio import Studio

WAIT_S = 10


@pytest.fixture
def run(fakes):
    """Runs the server with these options; `visit(port)` is awaited once it is ready."""

    def run_server(options, visit=None, tls=None):
        async def main():
            ready = asyncio.get_running_loop().create_future()
            site = Site(fakes.styles(), Settings(Look("invert")), options.limits)
            serving = asyncio.ensure_future(serve(studio, site, options, tls, ready.set_result))
            await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
            if visit is not None:
                await visit(ready.result())
            await asyncio.wait_for(serving, WAIT_S)

        with Studio(fakes.FakeEngine().open) as studio:
            asyncio.run(main())

    return run_server


async def get(url, **options):
    async with aiohttp.ClientSession() as client, client.get(url, **options) as answer:
        return answer.status


def test_it_ends_when_its_time_is_over(run):
    async def visit(port):
        assert await get(f"http://127.0.0.1:{port}/healthz") == 200

    run(ServeOptions(port=0, seconds=0.5), visit)


@pytest.mark.skipif(sys.platform == "win32", reason="signals reach a Windows program otherwise")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_told_to(run, number):
    async def visit(port):
        assert await get(f"http://127.0.0.1:{port}/healthz") == 200
        os.kill(os.getpid(), number)

    run(ServeOptions(port=0), visit)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="closing a terminal ends a Windows program otherwise")
@pytest.mark.parametrize("is_under_nohup", [False, True])
def test_a_closed_terminal_ends_it_but_under_nohup(run, is_under_nohup):
    answers = []

    async def visit(port):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.2)
        if is_under_nohup:
            answers.append(await get(f"http://127.0.0.1:{port}/healthz"))
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if is_under_nohup else signal.SIG_DFL)
    try:
        run(ServeOptions(port=0), visit)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert answers == [200] * is_under_nohup


def test_a_port_in_use_is_said_in_one_line(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port} is in use") as caught:
            run(ServeOptions(port=port, seconds=0.1))
    assert "--port 0" in caught.value.hint


def test_an_address_that_is_not_here_is_said(run):
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.77"):
        run(ServeOptions(host="192.0.2.77", port=0, seconds=0.1))


def test_its_own_certificate_holds_for_its_addresses_and_is_kept(run, tmp_path):
    path = own_certificate(["127.0.0.1", "box.local"], tmp_path)
    first = path.read_bytes()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert own_certificate(["127.0.0.1"], tmp_path).read_bytes() == first
    assert own_certificate(["127.0.0.1", "10.0.0.7"], tmp_path).read_bytes() != first
    assert len(fingerprint(path).split(":")) == 32

    async def visit(port):
        trusting = ssl.create_default_context(cafile=str(path))
        assert await get(f"https://127.0.0.1:{port}/healthz", ssl=trusting) == 200

    run(ServeOptions(port=0, seconds=0.5), visit, tls_context(path, None))


def test_a_name_in_any_script_gets_a_certificate(tmp_path):
    own_certificate(["bücher.local"], tmp_path)
    certificate = x509.load_pem_x509_certificate((tmp_path / "serve.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["xn--bcher-kva.local"]


@pytest.mark.parametrize("host", ["ü", "a b", "http://here"])
def test_a_name_that_nobody_knows_is_said(run, host):
    with pytest.raises(UsageError, match=f"cannot listen on {host}") as caught:
        run(ServeOptions(host=host, port=0, seconds=0.1))
    assert "Errno" not in caught.value.message
    assert "--host" in caught.value.hint


def test_where_no_certificate_can_be_kept_it_lasts_for_this_run(run, tmp_path, monkeypatch):
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    own = own_tls(["127.0.0.1"], in_the_way / "animecam")
    assert str(in_the_way) in own.obstacle
    assert list(temporary.iterdir()) == []  # no key is left behind

    async def visit(port):
        pinned = aiohttp.Fingerprint(bytes.fromhex(own.fingerprint.replace(":", "")))
        assert await get(f"https://127.0.0.1:{port}/healthz", ssl=pinned) == 200

    run(ServeOptions(port=0, seconds=0.5), visit, own.context)


def test_a_certificate_that_is_kept_has_no_obstacle(tmp_path):
    assert own_tls(["127.0.0.1"], tmp_path).obstacle == ""
    assert own_tls(["127.0.0.1"], tmp_path).fingerprint == fingerprint(tmp_path / "serve.pem")


@pytest.mark.parametrize("damage", ["no key", "cut off", "another key", "nothing", "no certificate"])
def test_one_that_was_damaged_is_made_anew_and_that_is_said(tmp_path, caplog, damage):
    path = own_certificate(["127.0.0.1"], tmp_path)
    pem, other = path.read_bytes(), own_certificate(["127.0.0.1"], tmp_path / "other").read_bytes()
    end = pem.index(b"-----BEGIN PRIVATE KEY")
    left = {
        "no key": pem[:end],
        "cut off": pem[: end + 60],
        "another key": pem[:end] + other[end:],
        "nothing": b"",
        "no certificate": pem[end:],
    }
    path.write_bytes(left[damage])
    assert own_tls(["127.0.0.1"], tmp_path).fingerprint == fingerprint(path)
    (told,) = caplog.messages
    assert told == f"{path} was damaged: there is a new certificate, of which browsers warn once more"
    assert path.read_bytes() not in left.values()
    caplog.clear()
    own_tls(["127.0.0.1"], tmp_path)
    assert own_tls(["10.0.0.7"], tmp_path).obstacle == ""  # of other addresses it is renewed in silence
    assert not caplog.messages


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights elsewhere")
def test_a_new_key_is_for_the_user_alone_whoever_could_read_the_old_one(tmp_path):
    kept = tmp_path / "data" / "serve.pem"
    kept.parent.mkdir()
    kept.write_text("damaged")
    kept.chmod(0o644)
    (tmp_path / "serve.pem").symlink_to(kept)
    own_certificate(["127.0.0.1"], tmp_path)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert (tmp_path / "serve.pem").is_symlink()
    assert [path.name for path in kept.parent.iterdir()] == ["serve.pem"]


def test_where_there_is_no_place_at_all_a_certificate_is_asked_for(tmp_path, monkeypatch):
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    monkeypatch.setattr("tempfile.tempdir", str(in_the_way))
    with pytest.raises(UsageError, match="no place for a certificate") as caught:
        own_tls(["127.0.0.1"], in_the_way / "animecam")
    assert "--certificate" in caught.value.hint


def test_a_certificate_that_is_none_is_said(tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    for path in (broken, tmp_path / "missing.pem"):
        with pytest.raises(UsageError, match=path.name):
            tls_context(path, None)


def test_addresses_are_printed_as_a_browser_takes_them():
    assert url("http", "127.0.0.1", 8000, "") == "http://127.0.0.1:8000/"
    assert url("https", "::1", 8443, "abc") == "https://[::1]:8443/?token=abc"
    assert reachable_hosts("10.1.2.3") == ("10.1.2.3",)
    assert all(not is_loopback(host) for host in reachable_hosts("0.0.0.0"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_loopback_addresses_need_no_token(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["127.evil.example", "10.0.0.1", "box.local", ""])
def test_other_names_and_addresses_do(host):
    assert not is_loopback(host)


def test_limits_that_let_nobody_in_are_refused():
    for wrong in ({"sessions": 0}, {"upload_bytes": 0}, {"minutes": 0}, {"minutes": math.nan}, {"width_px": 0}):
        with pytest.raises(UsageError):
            Limits(**wrong)


def test_a_camera_may_be_held_upright():
    limits = Limits(width_px=1280, height_px=720)
    assert limits.allows_camera(1280, 720)
    assert limits.allows_camera(720, 1280)
    assert not limits.allows_camera(1280, 960)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--token", "with space"],
        ["--host", "0.0.0.0", "--token", "seven77"],
        ["--port", "70000"],
        ["--host", "", "--seconds", "0.1"],
        ["--host", "a_b..c"],
        ["--host", "x" * 64 + ".local"],
        ["--key", "key.pem"],
        ["--plain", "--certificate", "cert.pem"],
        ["--max-sessions", "0"],
        ["--max-resolution", "huge"],
        ["--seconds", "nan"],
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_opens(arguments):
    result = CliRunner().invoke(command, arguments)
    assert isinstance(result.exception, UsageError), result.output
    assert result.exception.exit_status == 2
    assert result.exception.hint
