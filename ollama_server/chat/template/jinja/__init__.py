"""Jinja chat templates as the model's publishers wrote them for transformers and llama.cpp."""
