import pytest
import torch

from echoseg.errors import DeviceError
from echoseg.model.device import choose_execution


def test_the_cpu_runs_in_float32():
    execution = choose_execution("cpu")
    assert execution.device == torch.device("cpu") and execution.autocast is None


def test_auto_takes_what_there_is():
    wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert choose_execution().device.type == wanted


@pytest.mark.parametrize(("cuda", "mps", "wanted"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_prefers_cuda_then_mps(monkeypatch, cuda, mps, wanted):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch, "empty", lambda *shape, device: None)
    execution = choose_execution("auto")
    assert execution.device.type == wanted
    assert execution.autocast == (torch.bfloat16 if wanted == "cuda" else None)


@pytest.mark.parametrize("device", ["tpu", "cpu:x", "", "cuda:99", "meta:meta"])
def test_a_device_that_is_not_here_is_refused(device):
    with pytest.raises(DeviceError, match="try device='auto' or 'cpu'"):
        choose_execution(device)


def test_an_unknown_precision_is_refused():
    with pytest.raises(DeviceError, match="unknown precision 'float16'; there are: auto, float32, bfloat16"):
        choose_execution("cpu", "float16")


def test_execution_needs_no_gradients_and_autocasts_as_asked():
    x = torch.ones(2, 2, requires_grad=True)
    with choose_execution("cpu", "bfloat16")():
        assert (x @ x).dtype == torch.bfloat16
    with choose_execution("cpu")():
        y = x @ x
    assert y.dtype == torch.float32 and not y.requires_grad


def test_a_model_runs_in_bfloat16_too(micro_model):
    import dataclasses

    import numpy as np

    import echoseg

    model = dataclasses.replace(micro_model, execution=choose_execution("cpu", "bfloat16"))
    clip = np.random.default_rng(0).integers(0, 255, (3, 24, 32), dtype=np.uint8)
    frames = list(echoseg.stream(clip, echoseg.Box(4, 4, 20, 20), model))
    assert all(frame.logits[1].dtype == np.float32 for frame in frames)
