"""SAM 2.1 and its relatives in plain PyTorch: configurations, modules, and checkpoint loading."""

from echoseg.model.build import WeightsInfo, build_model, load_network, shipped_weights
from echoseg.model.config import REGISTRY, STRUCTURES, ConvTrunkConfig, HieraConfig, SAM2Config, TrunkConfig, ViTConfig, model_config
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
    "SAM2Config",
    "TrunkConfig",
    "ViTConfig",
    "WeightsInfo",
    "build_model",
    "load_model",
    "load_network",
    "model_config",
    "shipped_weights",
]
