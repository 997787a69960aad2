"""The generated training text: every line comes from the tables in this package."""
