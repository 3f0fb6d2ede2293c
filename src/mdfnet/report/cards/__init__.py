"""Cards and checklists that the software writes: what a model or a dataset is, and what a paper must say of it."""
