"""Where real programs come from: published, or built at an exact version."""
