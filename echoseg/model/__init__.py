"""SAM 2.1 and its relatives in plain PyTorch: configurations, modules, and checkpoint loading."""

from echoseg.model.acquire import import_weights, pull_weights
from echoseg.model.build import WeightsInfo, build_model, load_network, shipped_weights
from echoseg.model.config import (
    REGISTRY,
    STRUCTURES,
    ConvTrunkConfig,
    HieraConfig,
    Published,
    SAM2Config,
    TrunkConfig,
    ViTConfig,
    model_config,
)
from echoseg.model.installed import WeightsRecord, installed_weights, weights_folder
from echoseg.model.load import Model, load_model
from echoseg.model.prompt_encoder import PromptTensors
from echoseg.model.sam2 import SAM2, FrameFeatures, MaskPrediction, MemoryTokens

__all__ = [
    "REGISTRY",
    "SAM2",
    "STRUCTURES",
    "ConvTrunkConfig",
    "FrameFeatures",
    "HieraConfig",
    "MaskPrediction",
    "MemoryTokens",
    "Model",
    "PromptTensors",
    "Published",
    "SAM2Config",
    "TrunkConfig",
    "ViTConfig",
    "WeightsInfo",
    "WeightsRecord",
    "build_model",
    "import_weights",
    "installed_weights",
    "load_model",
    "load_network",
    "model_config",
    "pull_weights",
    "shipped_weights",
    "weights_folder",
]
