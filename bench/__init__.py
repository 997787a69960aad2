"""Side-by-side measurements against llama.cpp's own tools, built from the same source."""
