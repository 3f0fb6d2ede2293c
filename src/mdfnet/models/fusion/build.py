"""Puts together the fusion a config asks for."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer
from mdfnet.models.config import Config
from mdfnet.models.detectors.backbone import image_backbone
from mdfnet.models.detectors.base import Detector, MapSite, VectorSite
from mdfnet.models.detectors.settings import ComposedConfig, RCNNConfig
from mdfnet.models.fusion.attach import ClinicalFusion, ModalityDropout
from mdfnet.models.fusion.encoder import ENCODERS
from mdfnet.models.fusion.maps import MAPS, PaperMap
from mdfnet.models.fusion.vectors import VECTORS, Concat, Residual


def attach(config: Config, schema: Schema, fitted: Standardizer, detector: Detector) -> ClinicalFusion:
    """Attach the fusion a config asks for to a detector.

    Args:
        config: Its ``fusion`` part says which.
        schema: What the clinical columns mean.
        fitted: Their scale, fitted on the training split.
        detector: What it is attached to.

    Raises:
        UserError: The clinical vector is too narrow for the paper's encoder.
    """
    settings = config.fusion
    encoder = ENCODERS[settings.encoder](schema, settings.dim, fitted)
    maps = {site: _map_fuser(config, encoder.dim, site) for site in detector.map_sites if settings.map}
    vectors = {
        site: _vector_fuser(config, encoder.dim, site, detector.get_submodule(site.module))
        for site in _vector_sites(settings.vector, detector.vector_sites)
    }
    modality_dropout = ModalityDropout(settings.record_dropout, settings.feature_dropout)
    return ClinicalFusion(detector, encoder, modality_dropout, maps, vectors, silent=config.staged)


def _map_fuser(config: Config, dim: int, site: MapSite) -> nn.Module:
    if config.fusion.map != "paper":
        return MAPS[config.fusion.map](dim, site.channels)
    # The paper's second backbone is the detector's own once more; detectors from a library get the paper's.
    own = config.detector
    second = own if isinstance(own, ComposedConfig) else RCNNConfig(stride=32, depth=32, norm=False)
    return PaperMap(dim, site.channels, config.input.size, image_backbone(second, in_channels=3))


def _vector_sites(kind: str | None, sites: Sequence[VectorSite]) -> Sequence[VectorSite]:
    """Residual fuses at the scores, the others at the layer before; where a head has but one of both, all there."""
    if kind is None:
        return ()
    return [site for site in sites if site.last == (VECTORS[kind] is Residual)] or sites


def _vector_fuser(config: Config, dim: int, site: VectorSite, layer: nn.Module) -> nn.Module:
    kind = VECTORS[config.fusion.vector]
    if kind is Concat and site.last:
        return Residual(dim, layer)
    return kind(dim, layer, **({"zero_start": config.fusion.zero_start} if kind is Concat else {}))
