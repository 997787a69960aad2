"""A small demonstration model that sees: simple drawings in, sentences about them out."""
