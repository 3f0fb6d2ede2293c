"""Training, on Lightning: how images are drawn and varied, what a step is, what is kept."""
