"""Puts together the fusion a config asks for."""

from __future__ import annotations

from torch import nn

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer
from mdfnet.models.config import Config
from mdfnet.models.detectors.backbone import image_backbone
from mdfnet.models.detectors.base import Detector, MapSite, VectorSite
from mdfnet.models.detectors.settings import ComposedConfig, RCNNConfig
from mdfnet.models.fusion.attach import ClinicalFusion, ModalityDropout
from mdfnet.models.fusion.encoder import ENCODERS
from mdfnet.models.fusion.maps import MAPS, MapFuser, PaperMap
from mdfnet.models.fusion.vectors import VECTORS, Concat, Layer, Residual, VectorFuser


def attach(config: Config, schema: Schema, fitted: Standardizer, detector: Detector) -> ClinicalFusion:
    """Attach the fusion a config asks for to a detector; ``fitted`` is the scale of the training split."""
    settings = config.fusion
    encoder = ENCODERS[settings.encoder](schema, settings.dim, fitted)
    maps = {site: _map_fuser(config, settings.map, encoder.dim, site) for site in detector.map_sites if settings.map}
    vectors: dict[VectorSite, VectorFuser] = {}
    if settings.vector:
        # Residual fuses at the scores, the others at the layer before; where a head has but one of both, all there.
        at_scores = VECTORS[settings.vector] is Residual
        for site in [one for one in detector.vector_sites if one.last == at_scores] or detector.vector_sites:
            layer = detector.get_submodule(site.module)
            assert isinstance(layer, nn.Linear | nn.Conv2d), f"{site.module} is no layer that can be fused"
            vectors[site] = _vector_fuser(settings.vector, settings.zero_start, encoder.dim, site, layer)
    modality_dropout = ModalityDropout(settings.record_dropout, settings.feature_dropout)
    return ClinicalFusion(detector, encoder, modality_dropout, maps, vectors, silent=config.staged)


def _map_fuser(config: Config, kind: str, dim: int, site: MapSite) -> MapFuser:
    if kind != "paper":
        return MAPS[kind](dim, site.channels)
    # The paper's second backbone is the detector's own once more; detectors from a library get the paper's.
    own = config.detector
    second = own if isinstance(own, ComposedConfig) else RCNNConfig(stride=32, depth=32, norm=False)
    return PaperMap(dim, site.channels, config.input.size, image_backbone(second, in_channels=3))


def _vector_fuser(kind: str, zero_start: bool, dim: int, site: VectorSite, layer: Layer) -> VectorFuser:
    if kind != "concat":
        return VECTORS[kind](dim, layer)
    return Residual(dim, layer) if site.last else Concat(dim, layer, zero_start=zero_start)
