"""Says in the report when the tests of `animecam serve` are left out."""

import pytest


@pytest.mark.parametrize("package", ["aiohttp", "aiortc"])
def test_the_packages_of_the_page_are_installed(package):
    pytest.importorskip(package, reason="all tests of the page need the extra: pip install 'animecam[web]'")
