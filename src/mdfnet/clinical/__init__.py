"""Clinical data: what a value means, how it is read and checked, how it is put on a common scale."""
