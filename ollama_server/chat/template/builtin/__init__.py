"""The Go templates that `create` recognises a model's chat template as."""
