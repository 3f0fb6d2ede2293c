"""Why a box: what the clinical values and the parts of an image do to a model's scores."""
