"""Examples of deployment, and scripts that prove them."""
