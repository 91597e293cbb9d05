"""Model configurations: frozen dataclasses in a registry. No torch here, so that the CLI and docs can list models quickly."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from echoseg.errors import ModelConfigError

STRUCTURES = ("LV", "LA", "MYO", "RV")
"""Order of the learned structure prompts of echoseg's own models."""


@dataclass(frozen=True)
class HieraConfig:
    """Hiera trunk (Ryali et al. 2023) as SAM 2 uses it; strides 4, 8, 16, 32."""

    embed_dim: int = 96
    num_heads: int = 1
    stages: tuple[int, ...] = (1, 2, 7, 2)
    global_att_blocks: tuple[int, ...] = (5, 7, 9)
    window_pos_embed_bkg_spatial_size: tuple[int, int] = (7, 7)
    window_spec: tuple[int, ...] = (8, 4, 14, 7)

    @property
    def channels(self) -> tuple[int, ...]:
        """Output channels, finest level first."""
        return tuple(self.embed_dim * 2**i for i in range(len(self.stages)))


@dataclass(frozen=True)
class ConvTrunkConfig:
    """Residual convolutional trunk of the compact models; strides 2, 4, 8, 16."""

    channels: tuple[int, ...] = (24, 48, 96, 192)
    blocks: tuple[int, ...] = (1, 1, 2, 2)
    norm_groups: int = 8


@dataclass(frozen=True)
class ViTConfig:
    """Plain vision transformer (Li et al. 2022, ViTDet) as EfficientTAM uses it; one level at the stride of its patches.

    Attributes:
        embed_dim, num_heads, depth: channels, attention heads, and number of blocks.
        patch_size: side of a patch in pixels.
        window_size: side of an attention window in patches.
        global_att_blocks: blocks that attend to the whole frame; the others attend within windows.
        pretrain_grid: side, in patches, of the position encoding in the weights; it is resized to the input.
    """

    embed_dim: int = 192
    num_heads: int = 3
    depth: int = 12
    patch_size: int = 16
    window_size: int = 14
    global_att_blocks: tuple[int, ...] = (2, 5, 8, 11)
    pretrain_grid: int = 14

    @property
    def channels(self) -> tuple[int, ...]:
        """Output channels of the only level."""
        return (self.embed_dim,)


TrunkConfig: TypeAlias = HieraConfig | ConvTrunkConfig | ViTConfig


@dataclass(frozen=True)
class Published:
    """A file of weights that its authors keep on the Hugging Face Hub.

    Attributes:
        repository: ``owner/name`` on the hub. ``file``: its name there.
        sha256: hex digest of the file, where it is known; what is pulled must have it.
    """

    repository: str
    file: str
    sha256: str | None = None

    @property
    def url(self) -> str:
        """Where a browser downloads the file."""
        return f"https://huggingface.co/{self.repository}/resolve/main/{self.file}"


@dataclass(frozen=True)
class SAM2Config:
    """A complete SAM 2.1 model, or one of its relatives: what they leave out, the flags say.

    Attributes:
        name: registry name.
        image_size: side of the square network input in pixels.
        trunk: configuration of the trunk.
        d_model: channels of the frame embedding.
        embedding_stride: input pixels per embedding cell; mask logits come at a quarter of it.
        fpn_top_down_levels: trunk levels (0 = finest) that receive the next coarser level; a trunk of one level has none.
        scalp: number of coarsest levels dropped after the neck.
        use_high_res_features: the mask decoder sees two finer levels besides the embedding.
        no_obj_embed_spatial: a learned embedding marks memories of frames without the object.
        add_tpos_enc_to_obj_ptrs: object pointers carry a temporal encoding.
        mem_dim: channels of a stored memory.
        num_maskmem: spatial memories attended to: one set of prompted frames and ``num_maskmem - 1`` tracked ones.
        memory_layers, memory_ffn: depth and hidden width of the memory attention.
        decoder_mlp: hidden width of the two-way transformer.
        iou_hidden: hidden width of the IoU head.
        max_obj_ptrs: object pointers attended to.
        dropout: of the memory attention, in training only.
        structures: names of learned structure prompts, empty for the published models.
        crop_to_sector: frames of a clip are cut to the scan sector before they are stretched to the input, since a small input
            cannot spare pixels for text and margins; False for the published models, which see whole frames.
        zoom_to_prompt: frames are cut to a square around the prompted objects, for the same reason.
        mirror_prompted: prompted frames are also looked at in mirror image, see :mod:`echoseg.tracking.mirror`; this doubles their cost.
        tracked_bias: logits that are taken off the mask of a tracked frame before it is remembered: weights whose tracked masks come out
            too large feed on them from slice to slice.
        for_volumes: name of the model that takes this one's place on volumes, when both run with the weights that ship.
        view_net: name of the view classifier that goes with it, see :mod:`echoseg.model.view_net`.
        weights: file name of shipped weights under ``echoseg/weights/``, or None when the user brings them.
        licence: SPDX name of the licence of the shipped weights, or what the authors of published ones say.
        citation: what whoever uses the weights cites; empty when nothing is asked for.
        terms: what else their authors say of their use, a sentence or two; empty when the licence says it all.
        origin: where the weights come from, for ``echoseg weights list``.
        published: the file that ``echoseg weights pull`` gets, or None.
    """

    name: str
    image_size: int = 1024
    trunk: TrunkConfig = field(default_factory=HieraConfig)
    d_model: int = 256
    embedding_stride: int = 16
    fpn_top_down_levels: tuple[int, ...] = (2, 3)
    scalp: int = 1
    use_high_res_features: bool = True
    no_obj_embed_spatial: bool = True
    add_tpos_enc_to_obj_ptrs: bool = True
    mem_dim: int = 64
    num_maskmem: int = 7
    memory_layers: int = 4
    memory_ffn: int = 2048
    decoder_mlp: int = 2048
    decoder_heads: int = 8
    iou_hidden: int = 256
    max_obj_ptrs: int = 16
    dropout: float = 0.1
    structures: tuple[str, ...] = ()
    crop_to_sector: bool = False
    zoom_to_prompt: bool = False
    mirror_prompted: bool = False
    tracked_bias: float = 0.0
    for_volumes: str | None = None
    view_net: str = "view"
    weights: str | None = None
    licence: str = "Apache-2.0"
    citation: str = ""
    terms: str = ""
    origin: str = ""
    published: Published | None = None

    def __post_init__(self) -> None:
        if self.image_size % (2 * self.embedding_stride):
            raise ModelConfigError(f"{self.name}: image_size {self.image_size} must be a multiple of {2 * self.embedding_stride}")
        if self.d_model % self.mem_dim or self.d_model % 8:
            raise ModelConfigError(f"{self.name}: d_model {self.d_model} must be a multiple of mem_dim {self.mem_dim} and of 8")
        levels = len(self.trunk.channels) - self.scalp
        if levels < 1 or (self.use_high_res_features and levels != 3):
            wanted = "3 with use_high_res_features" if self.use_high_res_features else "1 or more"
            raise ModelConfigError(f"{self.name}: the trunk has {levels} levels left after scalp {self.scalp}; it takes {wanted}")
        if isinstance(self.trunk, ViTConfig) and self.trunk.patch_size != self.embedding_stride:
            raise ModelConfigError(f"{self.name}: embedding_stride {self.embedding_stride} must be the patch_size {self.trunk.patch_size}")

    @property
    def embedding_size(self) -> int:
        """Side of the frame embedding in cells."""
        return self.image_size // self.embedding_stride

    @property
    def mask_size(self) -> int:
        """Side of the mask logits (and of a low-resolution mask prompt)."""
        return 4 * self.embedding_size


PATIENTS_LICENCE = "CC-BY-NC-SA-4.0"
"""Of weights that learned from CAMUS, ACDC or LGG: their own licence, for non-commercial research."""
PATIENTS_TERMS = "Non-commercial research only: the weights learned from patients' images that are licensed so."
CAMUS_CITATION = "Leclerc et al. 2019, doi 10.1109/TMI.2019.2900516 (CAMUS)"
ACDC_CITATION = "Bernard et al. 2018, doi 10.1109/TMI.2018.2837502 (ACDC)"
LGG_CITATION = "Buda et al. 2019, arXiv 1906.03720 (TCGA-LGG)"
HC18_CITATION = "van den Heuvel et al. 2018, doi 10.1371/journal.pone.0200412 (HC18)"

_TINY = HieraConfig(96, 1, (1, 2, 7, 2), (5, 7, 9))
_META = "Meta, facebook/sam2.1-hiera-{} (sam2.1_hiera_{}.pt)"
_MEDSAM2_TERMS = (
    "The model card names CC-BY-SA-4.0 and says in its text that the weights can only be used for research and education purposes. "
    "The first allows more than the second: keep to the second, or ask the authors. The code of MedSAM2 is Apache-2.0."
)

_EFFICIENT_TAM = SAM2Config(
    "efficienttam-tiny",
    image_size=512,
    trunk=ViTConfig(),
    fpn_top_down_levels=(),
    scalp=0,
    use_high_res_features=False,
    no_obj_embed_spatial=False,
    add_tpos_enc_to_obj_ptrs=False,
    origin="Xiong et al., yunyangx/efficient-track-anything",
    published=Published("yunyangx/efficient-track-anything", "efficienttam_ti_512x512.pt"),
)

_COMPACT = SAM2Config(
    "compact-sim",
    image_size=128,
    trunk=ConvTrunkConfig(),
    d_model=96,
    embedding_stride=8,
    fpn_top_down_levels=(0, 1, 2, 3),
    mem_dim=32,
    num_maskmem=5,
    memory_layers=2,
    memory_ffn=256,
    decoder_mlp=256,
    decoder_heads=4,
    iou_hidden=96,
    dropout=0.0,
    structures=STRUCTURES,
    crop_to_sector=True,
    mirror_prompted=True,
    for_volumes="compact-volume-sim",
    view_net="view-sim",
    weights="compact-sim.safetensors",
    origin="echoseg, trained on simulated echo only",
)
_COMPACT_VOLUME = replace(
    _COMPACT,
    name="compact-volume-sim",
    structures=(),
    crop_to_sector=False,
    zoom_to_prompt=True,
    for_volumes=None,
    weights="compact-volume-sim.safetensors",
    origin="echoseg, trained on simulated CT, MRI and cine MR only",
)

REGISTRY: dict[str, SAM2Config] = {
    config.name: config
    for config in (
        replace(
            _COMPACT,
            name="compact",
            image_size=160,
            num_maskmem=3,
            for_volumes="compact-volume",
            view_net="view",
            weights="compact.safetensors",
            licence=PATIENTS_LICENCE,
            terms=PATIENTS_TERMS,
            citation=f"{CAMUS_CITATION}; {HC18_CITATION}",
            origin="echoseg, trained on patients (CAMUS, HC18) and simulation",
        ),
        _COMPACT,
        replace(
            _COMPACT_VOLUME,
            name="compact-volume",
            image_size=160,
            tracked_bias=1.0,
            view_net="view",
            weights="compact-volume.safetensors",
            licence=PATIENTS_LICENCE,
            terms=PATIENTS_TERMS,
            citation=f"{ACDC_CITATION}; {LGG_CITATION}; {HC18_CITATION}",
            origin="echoseg, trained on patients (ACDC, TCGA-LGG, HC18) and simulation",
        ),
        _COMPACT_VOLUME,
        SAM2Config(
            "medsam2",
            image_size=512,
            trunk=_TINY,
            licence="CC-BY-SA-4.0, research and education only",
            terms=_MEDSAM2_TERMS,
            origin="Bo Wang Lab, wanglab/MedSAM2 (MedSAM2_latest.pt)",
            published=Published("wanglab/MedSAM2", "MedSAM2_latest.pt", "c92743b99f00d078bf32a3afcc38aaa9faf1c1692dffe3eaa7a90938c1991060"),
        ),
        SAM2Config(
            "sam2.1-tiny",
            trunk=_TINY,
            origin=_META.format("tiny", "tiny"),
            published=Published(
                "facebook/sam2.1-hiera-tiny", "sam2.1_hiera_tiny.pt", "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69"
            ),
        ),
        SAM2Config(
            "sam2.1-small",
            trunk=HieraConfig(96, 1, (1, 2, 11, 2), (7, 10, 13)),
            origin=_META.format("small", "small"),
            published=Published(
                "facebook/sam2.1-hiera-small", "sam2.1_hiera_small.pt", "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38"
            ),
        ),
        SAM2Config(
            "sam2.1-base-plus",
            trunk=HieraConfig(112, 2, (2, 3, 16, 3), (12, 16, 20), window_pos_embed_bkg_spatial_size=(14, 14)),
            origin=_META.format("base-plus", "base_plus"),
            published=Published(
                "facebook/sam2.1-hiera-base-plus",
                "sam2.1_hiera_base_plus.pt",
                "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
            ),
        ),
        SAM2Config(
            "sam2.1-large",
            trunk=HieraConfig(144, 2, (2, 6, 36, 4), (23, 33, 43), window_spec=(8, 4, 16, 8)),
            origin=_META.format("large", "large"),
            published=Published(
                "facebook/sam2.1-hiera-large", "sam2.1_hiera_large.pt", "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318"
            ),
        ),
        _EFFICIENT_TAM,
        replace(
            _EFFICIENT_TAM,
            name="efficienttam-small",
            trunk=ViTConfig(384, 6),
            published=Published("yunyangx/efficient-track-anything", "efficienttam_s_512x512.pt"),
        ),
    )
}


def model_config(name: str) -> SAM2Config:
    """The registered configuration ``name``.

    Raises:
        ModelConfigError: no such name; the message lists those there are.
    """
    try:
        return REGISTRY[name]
    except KeyError:
        raise ModelConfigError(f"no model named {name!r}; there are: {', '.join(REGISTRY)}") from None
