"""Why a box: what the clinical values and the parts of a film do to a model's scores."""
