"""The embedded demonstration model: its corpus, tokenizer, training and export."""
