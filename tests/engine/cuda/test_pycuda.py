"""The adapter for pycuda, as far as it goes without a driver: what is borrowed stays its owner's."""

import importlib
from types import SimpleNamespace

import pytest

from animecam.errors import BackendError

KERNEL = 'extern "C" __global__ void fill(float* out) { out[threadIdx.x] = 1.0f; }'


@pytest.fixture(scope="module")
def adapter():
    pytest.importorskip("cuda.bindings", reason="needs animecam[cuda]")
    return importlib.import_module("animecam.cuda.pycuda_")


def test_a_borrowed_stream_keeps_its_handle_and_is_not_destroyed(adapter):
    stream = adapter.stream_of(SimpleNamespace(handle=1234))
    assert stream.handle == 1234
    stream.close()  # would need a driver if it destroyed anything
    stream.close()


def test_kernels_reach_pycuda_as_machine_code(adapter, tmp_path):
    try:
        module = adapter.load_kernels(KERNEL, (8, 6), lambda cubin: cubin, tmp_path)
    except BackendError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    assert module[:4] == b"\x7fELF"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_context_that_is_not_the_primary_one_is_refused(adapter):
    """Without a driver the refusal is that there is none."""
    with pytest.raises(BackendError) as caught:
        adapter.gpu_of(SimpleNamespace(handle=1))
    assert caught.value.hint


def test_the_real_pycuda_has_what_is_used(adapter):
    pycuda = pytest.importorskip("pycuda.driver", reason="needs animecam[pycuda], built from source")
    assert hasattr(pycuda.Stream, "handle")
    assert hasattr(pycuda.Context, "handle")
    assert hasattr(pycuda, "module_from_buffer")
