"""ONNX files whose weights lie in other files beside them, as PyTorch's newer exporter writes them: made one file."""

# pyright: reportUnknownMemberType=false

from pathlib import Path

from animecam.errors import StyleError

LARGEST_BYTES = 2**31 - 1
"""Of an ONNX file: protobuf reads no more."""

_MARK = b"\x0a\x08location"
"""The first key of what a tensor says of its file, as it is stored: without it everything is in the file itself."""

_HINT = "export it again in one file: torch.onnx.export(…, external_data=False)"


def whole_network(file: Path) -> bytes | None:
    """An ONNX file with the weights in it that it keeps in files beside it.

    Args:
        file: The network.

    Returns:
        The new file; None where everything lies in the file itself, or it is no ONNX file, which its runtime can say.

    Raises:
        StyleError: A file beside it is missing, too short or elsewhere, all is too large for one file, or the package
            that reads them is not installed.
        OSError: The file itself cannot be read.
    """
    if file.stat().st_size > LARGEST_BYTES:
        raise _too_large(file)
    if _MARK not in file.read_bytes():
        return None
    try:
        import onnx
        from google.protobuf.message import DecodeError  # of what onnx reads with
    except ImportError as error:
        message = f"{file} keeps its weights in a file beside it, which takes the package onnx"
        raise StyleError(message, hint=f"pip install onnx, or {_HINT}") from error
    try:
        model = onnx.load(str(file))  # reads the files beside it, and none that lies elsewhere
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        message = f"{file} keeps its weights in another file, which cannot be read: {reason}"
        raise StyleError(message, hint=f"put both files into one folder, or {_HINT}") from error
    except DecodeError:
        return None
    if model.ByteSize() > LARGEST_BYTES:
        raise _too_large(file)
    return model.SerializeToString()


def _too_large(file: Path) -> StyleError:
    hint = "a network this large cannot be drawn live: export a smaller one"
    return StyleError(f"{file} with its weights is larger than 2 GiB, which no style can be", hint=hint)
