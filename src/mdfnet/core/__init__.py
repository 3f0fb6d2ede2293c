"""What every room stands on: errors, types, files, tables of text, shipped files, pseudonyms. No torch in here.

Whatever reads or writes a file, or takes a name or a value from a user, raises `mdfnet.core.errors.UserError`: what is
wrong, where (file and row, or key), and how to fix it. This holds for all rooms; docstrings say which errors to expect
only where the function is public or more is to be said.
"""
