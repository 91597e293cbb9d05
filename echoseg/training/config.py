"""What a training run is: a YAML file read into a strict pydantic model (an unknown key is an error, not a silent default)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import Field, ValidationError

from echoseg.datasets.folders import Part
from echoseg.errors import ModelConfigError
from echoseg.io.data_path import DataPath, Strict

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


class SimulatedData(Strict):
    """Endless clips from the simulator.

    Attributes:
        frames: frames simulated a clip; a stage draws its own frames among them.
        size: side of the simulated frame in pixels (it is then resized to the model's input).
        views: views to draw from.
        options: ranges to replace in the simulator's ``EchoOptions``; a low ``fps`` spreads a sample's frames over the beat.
    """

    kind: Literal["simulated"]
    frames: Positive = 5
    size: Positive = 128
    views: tuple[str, ...] = ("A4C", "A2C")
    options: dict[str, float | tuple[float, float]] = Field(default_factory=dict)
    weight: float = 1.0


class SimulatedVolumeData(Strict):
    """Endless slice sequences from the simulator, each seen through a window around one object, see
    :mod:`echoseg.training.simulated_volumes`.

    Attributes:
        frames: slices simulated a volume; a stage draws its own among them.
        size: side of the simulated slice in pixels, before the window is cut.
        kinds: what to draw from.
        fill, coarse: how a window is cut, see :class:`echoseg.training.windowed.Seen`.
        rings: the myocardium of a cine is a ring, see there.
    """

    kind: Literal["simulated-volumes"]
    frames: Positive = 8
    size: Positive = 192
    kinds: tuple[Literal["lesion", "organ", "tube", "cine"], ...] = ("lesion", "organ", "cine")
    fill: tuple[Fraction, Fraction] = (0.2, 0.8)
    coarse: Fraction = 0.0
    rings: bool = False
    weight: float = 1.0


class FolderData(Strict):
    """Images and masks paired by name, see :mod:`echoseg.datasets.folders`.

    Attributes:
        images, masks: the two folders.
        structures: names of the labels in the masks, such as ``{1: LV}``; labels without one are prompted by box and clicks only.
        licence, citation: of the images, as SPDX names it; the weights that learn from them carry both.
        part: ``val`` is the last 8 of each 40 masks in the natural order of their names, kept for choosing; ``train`` the others.
        frames: a longer sequence gives this many consecutive frames at a time.
        fill, coarse: cut a window around one object, see :class:`echoseg.training.windowed.Seen`; without ``fill`` frames stay whole.
    """

    kind: Literal["folders"]
    images: DataPath
    masks: DataPath
    structures: dict[int, str] = Field(default_factory=dict)
    part: Part = "all"
    frames: Positive = 8
    fill: tuple[Fraction, Fraction] | None = None
    coarse: Fraction = 0.0
    licence: str = ""
    citation: str = ""
    weight: float = 1.0


class BeatData(Strict):
    """Slices of a cine MR at ED and ES as short clips, from stacks of two phases, ``patient001_frame01`` and ``patient001_frame12``.

    Attributes:
        images, masks, structures, licence, citation, fill, coarse: as of :class:`FolderData`.
        between: frames made between the two, see :mod:`echoseg.training.between`.
    """

    kind: Literal["beats"]
    images: DataPath
    masks: DataPath
    structures: dict[int, str] = Field(default_factory=dict)
    between: Annotated[int, Field(ge=0)] = 2
    fill: tuple[Fraction, Fraction] = (0.2, 0.8)
    coarse: Fraction = 0.0
    licence: str = ""
    citation: str = ""
    weight: float = 1.0


class MedSam2Data(Strict):
    """MedSAM2's ``.npz`` files (``imgs``, ``gts``), see :mod:`echoseg.datasets.medsam2`.

    Attributes:
        root: searched with its subfolders.
        frames: a longer volume gives this many consecutive slices at a time.
    """

    kind: Literal["medsam2"]
    root: DataPath
    frames: Positive = 8
    weight: float = 1.0


class CamusData(Strict):
    """The CAMUS layout (``patientNNNN/patientNNNN_4CH_ED.mhd``), see :mod:`echoseg.datasets.camus`.

    Attributes:
        between: frames made between end-diastole and end-systole, see :mod:`echoseg.training.between`.
    """

    kind: Literal["camus"]
    root: DataPath
    patients: tuple[str, ...] | None = None
    between: Annotated[int, Field(ge=0)] = 0
    weight: float = 1.0


class EchoNetData(Strict):
    """The EchoNet-Dynamic layout (``Videos/``, ``FileList.csv``, ``VolumeTracings.csv``), see :mod:`echoseg.datasets.echonet`.

    Attributes:
        root: the folder that holds the three.
        split: which part of ``FileList.csv``.
        frames: frames of a sample, evenly from one traced frame to the other; only those two have truth.
    """

    kind: Literal["echonet"]
    root: DataPath
    frames: Annotated[int, Field(ge=2)] = 4
    split: Literal["TRAIN", "VAL", "TEST"] = "TRAIN"
    weight: float = 1.0


Data = Annotated[
    SimulatedData | SimulatedVolumeData | FolderData | BeatData | MedSam2Data | CamusData | EchoNetData, Field(discriminator="kind")
]


class AugmentConfig(Strict):
    """Ranges of the random changes; 0 turns one off. Geometric changes are shared by a clip's frames and its masks.

    Attributes:
        flip: probability of a left-right mirror.
        rotate: largest rotation, degrees.
        scale: zoom drawn log-uniformly in 1/(1+scale) .. 1+scale.
        aspect: horizontal stretch drawn log-uniformly in 1/(1+aspect) .. 1+aspect (stills are often squeezed to a square).
        shift: largest shift, fraction of the side.
        bend: largest displacement of a smooth warp that changes shapes, fraction of the side; half the clips are bent.
        gamma, contrast, brightness: strengths of the grey curve.
        noise: largest standard deviation of additive noise, grey levels.
        blur: largest Gaussian sigma, pixels.
        cutout: probability of a blanked rectangle or wedge-like band (masks are kept: the object is still there).
        dropout: probability, of each frame after the first, of a larger blank of its own: what was there must be remembered.
        invert: probability of contrast inversion.
        remap: probability that greys go through a random smooth curve, not always a rising one, as another sequence would show them.
        reverse: probability of reversing the order of a clip's frames.
        plain: probability that a clip is spared all this but ``flip`` and ``reverse``: the network meets it as it will in use.
    """

    flip: Fraction = 0.5
    rotate: float = 15.0
    scale: float = 0.25
    aspect: float = 0.25
    shift: float = 0.08
    bend: Annotated[float, Field(ge=0, le=0.1)] = 0.0
    gamma: float = 0.4
    contrast: float = 0.3
    brightness: float = 20.0
    noise: float = 8.0
    blur: float = 1.2
    cutout: Fraction = 0.1
    dropout: Fraction = 0.0
    invert: Fraction = 0.0
    remap: Fraction = 0.0
    reverse: Fraction = 0.5
    plain: Fraction = 0.0

    def drawn(self, rng: np.random.Generator) -> AugmentConfig:
        """What one clip is changed by: all of this, or by the probability ``plain`` only its order and side."""
        if self.plain == 0 or rng.random() >= self.plain:
            return self
        ranges = dict.fromkeys(AugmentConfig.model_fields, 0.0)
        return AugmentConfig(**ranges | {"flip": self.flip, "reverse": self.reverse})


class PromptConfig(Strict):
    """How the first frame is prompted and later frames are corrected. Weights need not sum to 1.

    Attributes:
        box, points, structure, mask: relative frequency of each kind. ``structure`` is drawn only for objects that name one,
            ``mask`` only in clips (a still prompted by its mask has nothing left to learn).
        box_jitter: standard deviation of a box edge, as a fraction of the box side (SAM 2: 0.1); a third of the boxes are exact.
        max_clicks: a click prompt holds 1..max_clicks clicks, the first inside.
        corrections: number of corrective clicks on the first frame, drawn in 0..corrections.
        correct_frame: probability that a tracked frame receives a corrective click (it then becomes a prompted frame of the memory).
        absent: probability that an object gives way to a structure that is not in the first frame, asked for by name:
            the answer is "absent".
        keep_structure: probability that an object prompted by its structure is given the structure again on every tracked frame.
    """

    box: float = 0.4
    points: float = 0.2
    structure: float = 0.4
    mask: float = 0.0
    box_jitter: float = 0.1
    max_clicks: Positive = 3
    corrections: Annotated[int, Field(ge=0)] = 1
    correct_frame: Fraction = 0.1
    absent: Fraction = 0.03
    keep_structure: Fraction = 1.0


class StageConfig(Strict):
    """One stretch of the run.

    Attributes:
        steps: optimizer steps.
        batch: clips a step (all processes together divide the data: each process takes ``batch``).
        frames: 1 for stills, T for clips.
        stride: largest distance between chosen frames of a clip, in frames of the sample.
        objects: objects a clip; a clip with fewer repeats one with another prompt.
        lr_scale: multiplies the learning rate.
        accumulate: a step's batch is worked through in this many equal parts.
    """

    name: str
    steps: Positive
    batch: Positive
    frames: Positive = 1
    stride: Positive = 1
    objects: Positive = 2
    lr_scale: float = 1.0
    accumulate: Positive = 1


class OptimizerConfig(Strict):
    """AdamW, linear warm-up, cosine.

    Attributes:
        lr: highest learning rate.
        encoder_scale: multiplies the rate of trunk and neck; 0 freezes them.
        layer_decay: multiplies it once more for each trunk block further from the output.
        weight_decay: of matrices and kernels; vectors and embeddings have none.
        betas: of AdamW.
        warmup: steps until ``lr`` is reached.
        final: share of ``lr`` at the last step.
        clip: largest norm of the gradient of all parameters together.
    """

    lr: float = 1e-3
    encoder_scale: float = 1.0
    layer_decay: Fraction = 1.0
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    warmup: Annotated[int, Field(ge=0)] = 200
    final: Fraction = 0.02
    clip: float = 1.0


class LossConfig(Strict):
    """Weights of the loss terms (SAM 2: 20, 1, 1, 1, and no terms for area and motion) and the focal parameters."""

    focal: float = 20.0
    dice: float = 1.0
    iou: float = 1.0
    object: float = 1.0
    area: float = 0.0
    motion: float = 0.0
    focal_alpha: float = 0.25
    focal_gamma: float = 2.0


class EvaluationConfig(Strict):
    """A fixed hold-out measured during training; ``clips`` 0 turns it off.

    Attributes:
        every: steps between evaluations; the last step is always evaluated.
        data: where the hold-out comes from; simulated clips are drawn by a seed of their own. Give a fine-tuning run
            patients that are not in its training data.
        clips: the first so many samples of ``data``.
    """

    every: Positive = 500
    data: Data = SimulatedData(kind="simulated", frames=6, options={"fps": (6.0, 25.0)})
    clips: Annotated[int, Field(ge=0)] = 24


class TrainConfig(Strict):
    """A whole run.

    Attributes:
        name: names the cache folder ``~/.cache/echoseg/train/NAME`` where checkpoints, log and pictures go by default.
        model: registry name of the model.
        model_options: fields of the model's config to replace (the tests' tiny model is made so).
        weights: checkpoint to begin from (``.pt`` or safetensors), or None for random weights.
        reuse: each drawn sample is used this many times with other frames, augmentation and prompts; balances a costly simulator.
        threads: torch threads of the training process.
        workers: data processes; 0 prepares data in the training process.
        amp: bfloat16 autocast on CUDA; a CPU computes in float32 all the same.
        checkpoint_activations: the encoder's activations are computed again in the backward pass, to save memory.
        channels_last: memory layout of the weights; faster for convolutions on a CPU.
        ema_decay: of the averaged weights, which are evaluated and exported.
        save_minutes: a checkpoint at least this often (and at the end of each stage).
        structure_weights: how often an object of each structure is chosen, relative to 1.
    """

    name: str
    model: str = "compact"
    model_options: dict[str, Any] = Field(default_factory=dict)
    weights: Path | None = None
    seed: int = 0
    device: str = "auto"
    threads: Positive = 1
    workers: Annotated[int, Field(ge=0)] = 1
    reuse: Positive = 1
    amp: bool = False
    checkpoint_activations: bool = False
    channels_last: bool = False
    ema_decay: Fraction = 0.999
    save_minutes: float = 3.0
    log_every: Positive = 20
    picture_every: Positive = 500
    structure_weights: dict[str, float] = Field(default_factory=dict)
    data: Annotated[tuple[Data, ...], Field(min_length=1)]
    stages: Annotated[tuple[StageConfig, ...], Field(min_length=1)]
    augment: AugmentConfig = AugmentConfig()
    prompts: PromptConfig = PromptConfig()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @property
    def steps(self) -> int:
        """Optimizer steps of all stages together."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> StageConfig:
        """The stage that optimizer step ``step`` (from 0) belongs to; the last stage for any step beyond the end."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        return self.stages[-1]

    def folder(self) -> Path:
        """Where the run writes unless told otherwise: outside the tree."""
        return Path.home() / ".cache" / "echoseg" / "train" / self.name


def load_config(path: str | Path) -> TrainConfig:
    """Read a training configuration.

    Raises:
        ModelConfigError: the file is missing, not YAML, or a key is unknown, missing or out of range; the message names each.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ModelConfigError(f"cannot read the training config {path}: {error}") from error
    try:
        return TrainConfig.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ModelConfigError(f"{path}: {faults}") from error
