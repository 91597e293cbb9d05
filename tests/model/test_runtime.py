"""ONNX Runtime answers as torch does: every verb, every family of models, every kind of prompt; and torch takes over where it cannot."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import echoseg
from echoseg.errors import ModelConfigError
from echoseg.model import HieraConfig, Model, PromptTensors, SAM2Config, ViTConfig, WeightsInfo, build_model, model_config
from echoseg.model.device import choose_execution
from echoseg.model.prompt_encoder import BOX_FIRST, BOX_SECOND, INSIDE, OUTSIDE
from echoseg.model.runtime import onnx as onnx_verbs
from echoseg.model.runtime.onnx import OnnxVerbs
from echoseg.model.runtime.verbs import choose_runtime

TOLERANCE = 1e-5  # of the range
SMALL = {"image_size": 64, "d_model": 32, "mem_dim": 16, "memory_layers": 2, "memory_ffn": 32, "decoder_mlp": 32, "iou_hidden": 16}
FAMILIES = {
    "compact": replace(model_config("compact"), **SMALL, decoder_heads=2),
    "hiera": SAM2Config("hiera", trunk=HieraConfig(16, 1, (1, 2, 2, 1), (3,)), **SMALL),
    "efficienttam": replace(model_config("efficienttam-tiny"), **SMALL, trunk=ViTConfig(24, 3, 3, window_size=3, global_att_blocks=(2,))),
}


@pytest.fixture(scope="module", params=FAMILIES)
def both(request):
    """The network through torch and through ONNX Runtime."""
    torch.manual_seed(3)
    network = build_model(FAMILIES[request.param]).requires_grad_(False)
    for name, parameter in network.named_parameters():
        if (parameter == parameter.flatten()[0]).all() or name.endswith(
            "gamma"
        ):  # what begins as a constant would hide an axis that is mixed up
            parameter.data += 0.1 * torch.randn_like(parameter)
    return network, OnnxVerbs(network)


def assert_equal(got, wanted, what):
    assert got.shape == wanted.shape, what
    span = float(wanted.max() - wanted.min()) if wanted.numel() > 1 else float(wanted.abs().max())
    assert float((got - wanted).abs().max()) <= TOLERANCE * max(span, 1.0), what


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def features(network, seed=0):
    with torch.inference_mode():
        return network.encode_image(noise(1, 3, 64, 64, seed=seed))


@pytest.fixture(autouse=True)
def torch_must_not_help(request):
    yield
    if "both" in request.fixturenames:
        assert request.getfixturevalue("both")[1].failure is None


def test_frames_are_encoded_alike(both):
    network, onnx = both
    images = noise(2, 3, 64, 64)
    with torch.inference_mode():
        wanted, got = network.encode_image(images), onnx.encode_image(images)
    assert len(got.high_res) == len(wanted.high_res)
    for a, b in zip((got.embedding, *got.high_res), (wanted.embedding, *wanted.high_res), strict=True):
        assert_equal(a, b, "level")


@pytest.mark.parametrize("objects", [1, 3])
@pytest.mark.parametrize(("memories", "pointers"), [(1, 0), (1, 1), (4, 7)])
def test_memory_is_attended_to_alike(both, objects, memories, pointers):
    network, onnx = both
    config, side = network.config, network.config.embedding_size
    # as the bank recalls: two prompted frames, then tracked ones counted back
    distances = [0, 0, 2, 1][-memories:] if memories < 4 else [0, 0, 2, 1]
    spatial = [(d, noise(objects, config.mem_dim, side, side, seed=i)) for i, d in enumerate(distances)]
    recalled = [(float(i - 1), noise(objects, config.d_model, seed=90 + i)) for i in range(pointers)]
    embedding = features(network).embedding
    with torch.inference_mode():
        assert_equal(onnx.condition(embedding, spatial, recalled, 15), network.condition(embedding, spatial, recalled, 15), "conditioned")


BOX = PromptTensors(torch.tensor([[[10.0, 12], [40, 50]]]), torch.tensor([[BOX_FIRST, BOX_SECOND]]))
CLICK = PromptTensors(torch.tensor([[[20.0, 31]]]), torch.tensor([[INSIDE]]))
CLICKS = PromptTensors(torch.tensor([[[20.0, 31], [3, 60], [33, 33]]]), torch.tensor([[INSIDE, OUTSIDE, INSIDE]]))
PROMPTS = {
    "none": PromptTensors(),
    "box": BOX,
    "click": CLICK,
    "clicks": CLICKS,
    "mask": PromptTensors(mask=noise(1, 1, 32, 32)),
    "structure": PromptTensors(structure=torch.tensor([2])),
    "corrected": replace(CLICKS, mask=noise(1, 1, 32, 32)),
    "corrected by one click": replace(CLICK, mask=noise(1, 1, 32, 32)),
}


@pytest.mark.parametrize("multimask", [False, True])
@pytest.mark.parametrize("kind", PROMPTS)
def test_prompts_are_answered_alike(both, kind, multimask):
    network, onnx = both
    prompt = PROMPTS[kind]
    if prompt.structure is not None and not network.config.structures:
        pytest.skip("knows no structures")
    if prompt.mask is not None:
        prompt = replace(prompt, mask=noise(1, 1, network.config.mask_size, network.config.mask_size))
    seen = features(network)
    with torch.inference_mode():
        wanted = network.decode(seen.embedding, seen.high_res, prompt, multimask)
        got = onnx.decode(seen.embedding, seen.high_res, prompt, multimask)
    for part in vars(wanted):
        assert_equal(getattr(got, part), getattr(wanted, part), part)


def test_several_objects_are_decoded_from_one_frame_alike(both):
    network = both[0]
    seen = features(network)
    conditioned = seen.embedding + noise(3, *seen.embedding.shape[1:])
    with torch.inference_mode():
        wanted, got = (each.decode(conditioned, seen.high_res, None, True) for each in both)
    for part in vars(wanted):
        assert_equal(getattr(got, part), getattr(wanted, part), part)


def test_a_mask_is_adopted_alike(both):
    network, onnx = both
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 20:40, 10:50] = 1
    with torch.inference_mode():
        wanted, got = network.adopt_mask(features(network), mask), onnx.adopt_mask(features(network), mask)
    for part in vars(wanted):
        assert_equal(getattr(got, part), getattr(wanted, part), part)


@pytest.mark.parametrize("from_prompt", [False, True])
def test_memories_are_encoded_alike(both, from_prompt):
    network = both[0]
    embedding, side = features(network).embedding, network.config.mask_size
    masks, present = 5 * noise(2, 1, side, side), torch.tensor([[3.0], [-3.0]])
    with torch.inference_mode():
        wanted, got = (each.encode_memory(embedding, masks, present, from_prompt) for each in both)
    assert_equal(got, wanted, "memory")


@pytest.fixture(scope="module")
def clip():
    y, x = np.mgrid[:100, :100]
    return np.uint8([30 + 150 * (np.hypot(y - 50, x - 45 - t) < 18 + 6 * np.sin(t / 3)) for t in range(18)])


def tracked(model, clip):
    frames = list(echoseg.stream(clip, echoseg.Box(25, 30, 65, 70), model, frame_index=8))
    return np.stack([frame.logits[1] for frame in sorted(frames, key=lambda frame: frame.index)])


def test_a_whole_clip_is_tracked_alike_by_the_weights_that_ship(clip):
    torch_model, onnx_model = (echoseg.load_model("compact", device="cpu", runtime=runtime) for runtime in ("torch", "onnx"))
    wanted, got = tracked(torch_model, clip), tracked(onnx_model, clip)
    assert onnx_model.ran_by == "onnx" and torch_model.ran_by == "torch"
    assert np.abs(got - wanted).max() < 1e-4 * np.ptp(wanted)
    assert (wanted > 0).any() and ((got > 0) & (wanted > 0)).sum() / ((got > 0) | (wanted > 0)).sum() >= 0.9999


def test_a_library_that_fails_leaves_the_work_to_torch_and_the_result_says_so(clip, tmp_path, monkeypatch):
    def fails(*asked):
        raise RuntimeError("no such instruction\nat some place")

    monkeypatch.setattr(onnx_verbs, "graph_of", fails)
    model = echoseg.load_model("compact", device="cpu", runtime="onnx")
    result = echoseg.run(clip[:3], tmp_path, echoseg.Box(25, 30, 65, 70), model)
    (flag,) = [flag for flag in result.measurements["flags"] if flag["code"] == "torch_instead"]
    assert "no such instruction" in flag["message"] and "at some place" not in flag["message"]
    assert result.measurements["provenance"]["options"]["runtime"] == "torch"
    wanted = tracked(echoseg.load_model("compact", device="cpu", runtime="torch"), clip[:10])
    assert np.array_equal(tracked(model, clip[:10]), wanted)


def test_a_missing_library_leaves_the_work_to_torch(clip, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    model = echoseg.load_model("compact", device="cpu", runtime="onnx")
    model.prepare()
    assert model.ran_by == "torch" and "onnxruntime" in model.runtime_failure


def test_a_session_has_as_many_threads_as_torch_has_now(both):
    onnx = both[1]
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            onnx.encode_image(noise(1, 3, 64, 64))
            options = onnx._sessions["encode_image"].get_session_options()
            assert options.intra_op_num_threads == threads
            assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("asked", "said", "precision", "chosen"),
    [
        ("auto", None, "auto", "onnx"),
        ("auto", "torch", "auto", "torch"),
        ("auto", "onnx", "auto", "onnx"),
        ("auto", None, "bfloat16", "torch"),
        ("auto", "onnx", "bfloat16", "torch"),
        ("torch", "onnx", "auto", "torch"),
        ("onnx", "torch", "auto", "onnx"),
    ],
)
def test_which_runtime_is_chosen(asked, said, precision, chosen, monkeypatch):
    monkeypatch.delenv("ECHOSEG_RUNTIME", raising=False) if said is None else monkeypatch.setenv("ECHOSEG_RUNTIME", said)
    assert choose_runtime(asked, choose_execution("cpu", precision)) == chosen


def test_a_runtime_that_cannot_be_is_refused(monkeypatch):
    with pytest.raises(ModelConfigError, match="float32 on a CPU, not bfloat16"):
        choose_runtime("onnx", choose_execution("cpu", "bfloat16"))
    with pytest.raises(ModelConfigError, match="auto, torch, onnx"):
        choose_runtime("openvino", choose_execution("cpu"))
    monkeypatch.setenv("ECHOSEG_RUNTIME", "tensorrt")
    with pytest.raises(ModelConfigError, match="ECHOSEG_RUNTIME=tensorrt"):
        choose_runtime("auto", choose_execution("cpu"))


def test_a_model_made_by_hand_stays_with_torch():
    network = build_model(FAMILIES["hiera"]).requires_grad_(False)
    assert Model(network, choose_execution("cpu"), WeightsInfo("random", "")).verbs is network


def test_the_library_is_loaded_without_its_telemetry(tmp_path):
    """What it keeps for its maker, an identifier of the machine and a queue of events, is not there after a network has run."""
    script = """if True:
        import numpy, echoseg
        model = echoseg.load_model("compact", device="cpu", runtime="onnx")
        echoseg.segment(numpy.zeros((2, 64, 64), numpy.uint8), echoseg.Box(9, 9, 50, 50), model)
        assert model.ran_by == "onnx", model.runtime_failure
    """
    (tmp_path / "temporary").mkdir()
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "temporary")}
    asked = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", script], env=asked | places, check=True, timeout=100)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and "echoseg" not in str(path.relative_to(tmp_path))] == []
