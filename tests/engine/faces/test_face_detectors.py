"""Opening detectors by name, and the two whose models the user brings."""

import sys
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.errors import FaceError, UsageError
from animecam.faces.blazeface import BlazeFace, EitherRange
from animecam.faces.insightface import InsightFace, find_detector
from animecam.faces.opening import open_detector
from animecam.faces.yunet import YuNet

OPTIONS = BackendOptions(threads=1)
PICTURE = np.zeros((64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize(("choice", "kind"), [("short", BlazeFace), ("full", BlazeFace), ("auto", EitherRange)])
@pytest.mark.parametrize("backend", [BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME])
def test_bundled_detectors_open_on_either_runtime_and_agree(choice, kind, backend, astronaut):
    detector = open_detector(choice, backend, OPTIONS)
    assert isinstance(detector, kind)
    assert detector.name == "blazeface"
    (face,) = detector.detect(astronaut, 0.6)
    assert face.points_px[0] == pytest.approx([204, 102], abs=6)
    detector.close()
    detector.close()


@pytest.mark.parametrize("choice", ["", "autumn", "short:file", "yunet", "yunet:", "insightface:", "full range"])
def test_an_unknown_choice_is_a_usage_error_that_lists_the_choices(choice):
    with pytest.raises(UsageError, match="no face detector") as caught:
        open_detector(choice, BackendChoice.ONNXRUNTIME, OPTIONS)
    assert "insightface:PACK" in caught.value.hint


def constant_network(path, outputs, size):
    """An .onnx file of the given input size that always answers with these arrays."""
    nodes = [
        helper.make_node("Constant", [], [f"{name}_raw"], value=numpy_helper.from_array(array))
        for name, array in outputs.items()
    ]
    # One sum over the input, times 0: a runtime may drop an input that nothing depends on.
    nodes += [
        helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        helper.make_node("Constant", [], ["zero"], value=numpy_helper.from_array(np.float32(0))),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        *(helper.make_node("Add", [f"{name}_raw", "nothing"], [name]) for name in outputs),
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in outputs.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def yunet_file(path, size=64):
    """YuNet's outputs with one face in cell (3, 2) of the grid of stride 8."""
    outputs = {}
    for kind, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride in (8, 16, 32):
            outputs[f"{kind}_{stride}"] = np.zeros((1, (size // stride) ** 2, width), dtype=np.float32)
    cell = 2 * (size // 8) + 3
    outputs["cls_8"][0, cell] = outputs["obj_8"][0, cell] = 0.9
    outputs["bbox_8"][0, cell] = [0.5, 0.5, np.log(2), np.log(3)]
    outputs["kps_8"][0, cell] = [-1, 0, 1, 0, 0, 1, -0.5, 2, 1.5, 2]
    return constant_network(path, outputs, size)


def test_yunet_reads_opencvs_rows(tmp_path):
    detector = open_detector(f"yunet:{yunet_file(tmp_path / 'yunet.onnx')}")
    assert isinstance(detector, YuNet)
    (face,) = detector.detect(PICTURE, 0.5)
    # Middle (3.5, 2.5) and sides (2, 3) in steps of 8 px; the mouth is the middle of its corners.
    assert face.box_px == pytest.approx((20, 8, 36, 32))
    assert face.points_px == pytest.approx(np.array([[16, 16], [32, 16], [24, 24], [28, 32]]))
    assert face.score == pytest.approx(0.9, abs=1e-3)
    assert detector.detect(PICTURE, 0.95) == ()
    detector.close()


def test_a_missing_yunet_file_says_where_to_get_it(tmp_path):
    with pytest.raises(FaceError, match="no YuNet model at") as caught:
        open_detector(f"yunet:{tmp_path / 'none.onnx'}")
    assert "yunet:FILE" in caught.value.hint


@pytest.mark.parametrize("name", ["broken.onnx", "text.txt"])
def test_a_damaged_yunet_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"not a network")
    with pytest.raises(FaceError, match=name):
        YuNet(tmp_path / name)


def test_another_network_than_yunet_is_refused(tmp_path):
    other = constant_network(tmp_path / "other.onnx", {"y": np.zeros((1, 4), dtype=np.float32)}, 64)
    with pytest.raises(FaceError, match="not a YuNet model"):
        YuNet(other).detect(PICTURE, 0.5)


class FakeScrfd:
    """Answers as insightface's SCRFD does."""

    def __init__(self, points=True):
        self.points = points

    def prepare(self, ctx_id, *, input_size, det_thresh):
        self.prepared = (ctx_id, input_size)

    def detect(self, img):
        self.picture = img
        boxes = np.array([[5, 5, 25, 35, 0.6], [30, 10, 50, 40, 0.9]], dtype=np.float32)
        points = np.array([[[8, 10], [18, 10], [13, 18], [9, 26], [17, 28]]] * 2, dtype=np.float32)
        points[1] += [25, 5]
        keep = boxes[:, 4] >= self.det_thresh
        return boxes[keep], points[keep] if self.points else None


@pytest.fixture
def package(monkeypatch):
    """A package insightface that gives what is put in `network`."""
    zoo = ModuleType("insightface.model_zoo")
    zoo.network = FakeScrfd()
    zoo.get_model = lambda name, **options: zoo.network
    parent = ModuleType("insightface")
    parent.model_zoo = zoo
    monkeypatch.setitem(sys.modules, "insightface", parent)
    monkeypatch.setitem(sys.modules, "insightface.model_zoo", zoo)
    return zoo


@pytest.fixture
def pack(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "det_10g.onnx").touch()
    (tmp_path / "pack" / "w600k_r50.onnx").touch()
    return tmp_path / "pack"


def test_insightface_faces_come_best_first_in_our_order_of_points(package, pack):
    detector = open_detector(f"insightface:{pack}")
    picture = PICTURE.copy()
    picture[..., 0] = 200
    best, other = detector.detect(picture, 0.5)
    assert (best.score, other.score) == pytest.approx((0.9, 0.6))
    assert best.box_px == pytest.approx((30, 10, 50, 40))
    assert best.points_px == pytest.approx(np.array([[33, 15], [43, 15], [38, 23], [38, 32]]))
    assert len(detector.detect(picture, 0.8)) == 1
    assert package.network.picture[0, 0].tolist() == [0, 0, 200]  # BGR
    detector.close()


def test_a_pack_is_found_by_name_folder_or_file(tmp_path, pack):
    detector = pack / "det_10g.onnx"
    assert find_detector("pack", tmp_path) == detector
    assert find_detector(str(pack)) == detector
    assert find_detector(str(detector)) == detector


def test_a_missing_pack_is_named_and_nothing_is_fetched(package, tmp_path):
    with pytest.raises(FaceError, match="no_such_pack") as caught:
        open_detector("insightface:no_such_pack")
    assert "licence" in caught.value.hint


def test_a_missing_package_is_named_with_its_command(monkeypatch, pack):
    monkeypatch.setitem(sys.modules, "insightface", None)
    with pytest.raises(FaceError, match="insightface is not usable") as caught:
        InsightFace(str(pack))
    assert caught.value.hint == "pip install 'animecam[insightface]'"


@pytest.mark.parametrize("network", [None, object()])
def test_a_pack_file_of_another_kind_is_refused(package, pack, network):
    package.network = network
    with pytest.raises(FaceError, match="not a detection network"):
        InsightFace(str(pack))


def test_a_detector_without_landmarks_is_refused(package, pack):
    package.network = FakeScrfd(points=False)
    with pytest.raises(FaceError, match="not their eyes"):
        InsightFace(str(pack)).detect(PICTURE, 0.5)


def scrfd_file(path, size=640):
    """SCRFD's outputs with one face at cell (40, 30) of the grid of stride 8, in the first of its two anchors."""
    counts = [2 * (size // stride) ** 2 for stride in (8, 16, 32)]
    outputs = {
        f"{kind}_{count}": np.zeros((count, width), dtype=np.float32)
        for kind, width in (("score", 1), ("bbox", 4), ("kps", 10))
        for count in counts
    }
    anchor = 2 * (30 * (size // 8) + 40)
    outputs[f"score_{counts[0]}"][anchor] = 0.9
    outputs[f"bbox_{counts[0]}"][anchor] = [2, 3, 2, 3]
    outputs[f"kps_{counts[0]}"][anchor] = [-1, -1, 1, -1, 0, 0, -1, 1, 1, 1]
    return constant_network(path, outputs, size)


def test_the_real_package_reads_a_network_of_scrfds_shape(tmp_path):
    pytest.importorskip("insightface", reason="the optional package insightface is not installed")
    detector = InsightFace(str(scrfd_file(tmp_path / "det_tiny.onnx")))
    (face,) = detector.detect(np.zeros((320, 320, 3), dtype=np.uint8), 0.5)
    # Anchor (320, 240) of 640 and steps of 8, in a picture half as large.
    assert face.box_px == pytest.approx((152, 108, 168, 132))
    assert face.points_px == pytest.approx(np.array([[156, 116], [164, 116], [160, 120], [160, 124]]))
    assert face.score == pytest.approx(0.9)


def test_the_real_package_refuses_a_damaged_file(tmp_path):
    pytest.importorskip("insightface", reason="the optional package insightface is not installed")
    (tmp_path / "det_broken.onnx").write_bytes(b"not a network")
    with pytest.raises(FaceError, match="damaged"):
        InsightFace(str(tmp_path / "det_broken.onnx"))
