"""Training, on Lightning: how films are drawn and varied, what a step is, what is kept."""
