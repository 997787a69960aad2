"""Images and sounds of a request: fetched, checked, and brought into a form the runner reads."""
