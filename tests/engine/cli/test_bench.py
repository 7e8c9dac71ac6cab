"""`animecam bench` on the real networks, short."""

import json
from dataclasses import replace

from animecam.cli import main


def test_a_bench_without_a_camera_ends_with_a_table_a_verdict_and_a_file(tmp_path, capfd):
    path = tmp_path / "bench.json"
    words = ["bench", "--seconds", "2", "--source", "pattern:160x120@60", "--size", "192", "--backend", "onnxruntime"]
    assert main([*words, "--json", str(path)]) == 0
    shown = capfd.readouterr().out
    assert "onnxruntime f32 *" in shown
    assert "limit" in shown
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["frames_out"] > 0
    assert content["backend"] == "onnxruntime"
    sizes = {one["size_px"]: one for one in content["networks"]}
    assert min(sizes) == 192
    assert max(sizes) == 512
    assert sizes[512]["frame_ms"] > sizes[192]["frame_ms"]
    assert content["reference"]["ms"]["count"] >= 6  # three rounds at the size that ran, three at the others
    assert {"24", "30", "60"} <= content["holds"].keys()


def test_an_endless_bench_is_refused(capfd):
    assert main(["bench", "--seconds", "inf"]) == 2
    assert "has an end" in capfd.readouterr().err


def test_a_file_that_cannot_be_written_is_one_line(tmp_path, capfd):
    words = ["bench", "--source", str(tmp_path / "gone.mp4"), "--json", str(tmp_path / "no" / "x.json")]
    assert main(words) == 1
    message = capfd.readouterr().err
    assert "Traceback" not in message
    assert "x.json" in message  # before the source that is missing: nothing is measured in vain


def test_a_bench_that_is_stopped_ends(monkeypatch, capfd):
    from animecam.measure import bench

    seen = []

    def stopped(*arguments, **options):
        figures = run(*arguments, **options)
        seen.append(figures)
        return replace(figures, is_interrupted=True)

    run = bench.run
    monkeypatch.setattr(bench, "run", stopped)
    assert main(["bench", "--seconds", "2", "--source", "pattern:160x120@60", "--size", "192", "--threads", "1"]) == 130
    assert capfd.readouterr().err.endswith("animecam: stopped\n")
    assert len(seen) == 1
