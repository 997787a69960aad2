"""Models published for Ollama that llama.cpp does not read as they are, translated once.

``prepare.prepare`` is the way in. Each dialect is data (``catalog/``): a condition on the header
and a list of steps. The translation goes to a cache beside the blobs, which are never touched.
"""
