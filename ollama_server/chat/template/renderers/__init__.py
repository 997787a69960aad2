"""The named renderers: a registry of templates written in Jinja, and what belongs to each."""
