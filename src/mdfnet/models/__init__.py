"""From a config to a network: detectors, fusion attached to them, saved models, detection over many images."""
