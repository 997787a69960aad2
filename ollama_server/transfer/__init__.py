"""Models over the network: pull and push against registries, pull from the Hugging Face hub."""
