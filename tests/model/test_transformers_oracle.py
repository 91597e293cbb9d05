"""Our engine beside ``transformers``' ``Sam2VideoModel`` with the same random weights.

Both get the same normalised pixels, and both store memories in bfloat16. transformers differs from the official code in two
respects, both for mask prompts: it takes the object pointer from the best of three masks, where the official code asks for one
mask, and it encodes the memory from the mask at input size, where the official predictor takes the mask logits at a quarter of it.
Ours does as the official code (``mask_frame6_both`` of the official oracle); ``mask_prompts_as_officially`` undoes the difference.
"""

import numpy as np
import pytest
import torch

from echoseg.evaluation.transformers_model import missing_counterpart, prompt_session, transformers_model, transformers_session
from echoseg.model import SAM2, HieraConfig, Model, SAM2Config, WeightsInfo, build_model, model_config
from echoseg.model.device import choose_execution
from echoseg.model.preprocess import logits_to_source, mask_to_input, normalize
from echoseg.tracking import Session
from echoseg.types import ABSENT_LOGIT, Box, MaskPrompt, Points

# As the official micro model, but for the width of memories: transformers has 64 written into its memory attention.
CONFIG = SAM2Config(
    "micro", image_size=128, trunk=HieraConfig(16, 1, (1, 2, 3, 1), (4, 5)), d_model=128, mem_dim=64, memory_layers=2, memory_ffn=128
)
pytestmark = pytest.mark.skipif(missing_counterpart(CONFIG) is not None, reason=str(missing_counterpart(CONFIG)))

BOX, CLICK = Box(30, 30, 90, 90), Points(np.array([[60, 60]]), np.array([1]))
BOX_POINTS = torch.tensor([[30.0, 30.0], [90.0, 90.0]]), torch.tensor([2, 3])
CLICK_POINTS = torch.tensor([[60.0, 60.0]]), torch.tensor([1])
ONE_FRAME, TRACKED = 1e-4, 1e-3  # of the range of the logits; a bfloat16 memory may round either way


@pytest.fixture(scope="module")
def network() -> SAM2:
    """Random weights, the learned embeddings and scales among them; memories and pointers have a say."""
    torch.manual_seed(0)
    network = build_model(CONFIG).requires_grad_(False)
    for name, parameter in network.named_parameters():
        if any(part in name for part in ("embed", "tpos", "token", "no_obj", "norm", "gamma")):
            parameter.add_(0.3 * torch.randn(parameter.shape))
        if name.endswith("weight"):
            parameter.mul_(2 if "cross_attn_image." in name else 3 if "obj_ptr" in name else 1)
    return network


@pytest.fixture(scope="module")
def ours(network) -> Model:
    return Model(network, choose_execution("cpu"), WeightsInfo("random", ""))


@pytest.fixture(scope="module")
def theirs(network):
    return transformers_model(network)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """``(10, 128, 128, 3)``: a coloured ellipse moves through noise."""
    y, x = np.mgrid[:128, :128]
    inside = [((x - 60 - 2 * t) / 24) ** 2 + ((y - 60) / 30) ** 2 < 1 for t in range(10)]
    noise = np.random.default_rng(0).normal(60, 20, (10, 128, 128, 3))
    return np.clip(noise + 120 * np.stack(inside)[..., None] * np.array([1, 0.8, 0.5]), 0, 255).astype(np.uint8)


def our_logits(model, source, prompt, frame=0, direction="forward") -> np.ndarray:
    session = Session(source, model)
    session.prompt(1, frame, prompt)
    results = {result.index: result.logits[1] for result in session.propagate(direction)}
    return np.stack([results[index] for index in sorted(results)])


def their_clip_logits(model, frames, points) -> np.ndarray:
    session = transformers_session(frames.shape[1:3], video=normalize(frames, CONFIG.image_size))
    prompt_session(session, 0, *points)
    return at_source_size([model(session, frame_idx=index) for index in range(len(frames))])


def at_source_size(outputs) -> np.ndarray:
    return torch.cat([logits_to_source(output.pred_masks, (128, 128)) for output in outputs]).numpy()


def assert_same(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> None:
    assert ours.shape == theirs.shape
    present = theirs.max(axis=(1, 2)) > ABSENT_LOGIT
    assert np.abs(ours - theirs).max() < tolerance * np.ptp(theirs[present])
    for a, b in zip(ours > 0, theirs > 0, strict=True):
        assert np.array_equal(a, b) or (a & b).sum() / (a | b).sum() > 0.999


def test_every_parameter_has_a_place_in_transformers_at_real_size():
    with torch.device("meta"):
        transformers_model(build_model(model_config("medsam2")))


def test_frame_encoder(network, theirs, frames):
    pixels = normalize(frames[:2], CONFIG.image_size)
    features = network.encode_image(pixels)
    levels = theirs.get_image_features(pixels, return_dict=True).fpn_hidden_states
    for mine, other in zip((*features.high_res, features.embedding), levels, strict=True):
        other = other.permute(1, 2, 0).view(mine.shape)
        assert (mine - other).abs().max() < ONE_FRAME * (other.max() - other.min())


@pytest.mark.parametrize(("prompt", "points"), [(BOX, BOX_POINTS), (CLICK, CLICK_POINTS)], ids=["box", "click"])
def test_single_frame(ours, theirs, frames, prompt, points):
    assert_same(our_logits(ours, frames[:1], prompt), their_clip_logits(theirs, frames[:1], points), ONE_FRAME)


@pytest.mark.parametrize(("prompt", "points"), [(BOX, BOX_POINTS), (CLICK, CLICK_POINTS)], ids=["box", "click"])
def test_tracked_clip(ours, theirs, frames, prompt, points):
    mine, other = our_logits(ours, frames, prompt), their_clip_logits(theirs, frames, points)
    assert 0.05 < (other > 0).mean() < 0.95
    assert_same(mine, other, TRACKED)


def test_tracked_stream_of_unknown_length(ours, theirs, frames):
    session = transformers_session((128, 128))
    prompt_session(session, 0, *BOX_POINTS)
    # 16 pointers back, where a clip of 10 frames goes 10 back: the temporal encoding differs
    streamed = at_source_size([theirs(session, frame=pixels, frame_idx=i) for i, pixels in enumerate(normalize(frames, 128))])
    assert np.abs(streamed - their_clip_logits(theirs, frames, BOX_POINTS)).max() > 10 * TRACKED * np.ptp(streamed)
    assert_same(our_logits(ours, iter(frames), BOX), streamed, TRACKED)


def test_object_that_is_absent_from_some_frames(network, frames):
    """The object score is shifted so that it changes sign within the clip."""
    changed = build_model(CONFIG).requires_grad_(False)
    changed.load_state_dict(network.state_dict())
    last = changed.sam_mask_decoder.pred_obj_score_head.layers[2]
    last.weight.mul_(30)
    last.bias.copy_(torch.tensor([-4.75]))
    model = Model(changed, choose_execution("cpu"), WeightsInfo("random", ""))
    other = their_clip_logits(transformers_model(changed), frames, BOX_POINTS)
    absent = other.max(axis=(1, 2)) == ABSENT_LOGIT
    assert 0 < absent.sum() < len(frames) - 1
    assert_same(our_logits(model, frames, BOX), other, TRACKED)


@pytest.fixture
def mask_prompts_as_officially(theirs, monkeypatch):
    decode, adopt = theirs._single_frame_forward, theirs._use_mask_as_output

    def decode_one_mask(*args, input_masks=None, **options):
        if input_masks is not None:
            options["multimask_output"] = False
        return decode(*args, input_masks=input_masks, **options)

    def adopt_small_mask(*args):
        answer = adopt(*args)
        answer.high_res_masks = torch.nn.functional.interpolate(answer.pred_masks, size=(128, 128), mode="bilinear")
        return answer

    monkeypatch.setattr(theirs, "_single_frame_forward", decode_one_mask)
    monkeypatch.setattr(theirs, "_use_mask_as_output", adopt_small_mask)


def test_mask_prompt_tracked_both_ways(ours, theirs, frames, mask_prompts_as_officially):
    mask = np.zeros((128, 128), dtype=bool)
    mask[40:80, 50:90] = True
    answers = {}
    for order in (range(4, 10), range(4, -1, -1)):
        session = transformers_session((128, 128), video=normalize(frames, CONFIG.image_size))
        session.add_mask_inputs(session.obj_id_to_idx(1), 4, mask_to_input(mask, CONFIG.image_size))
        session.obj_with_new_inputs = [1]
        answers |= {index: theirs(session, frame_idx=index, reverse=order.step < 0) for index in order}
    other = at_source_size([answers[index] for index in range(10)])
    assert_same(our_logits(ours, frames, MaskPrompt(mask), frame=4, direction="both"), other, TRACKED)
