"""Clinical fusion: turns a record into a vector and adds it to any detector, from outside."""
