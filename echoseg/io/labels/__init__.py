"""Label maps: read from anywhere, written in the geometry of their source."""
