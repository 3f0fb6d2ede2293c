"""What every room stands on: errors, types, files, tables of text, shipped files, pseudonyms. No torch in here."""
