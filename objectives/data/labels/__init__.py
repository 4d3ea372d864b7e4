"""What a label is, and how it is read, checked and turned into numbers: one file a kind."""
