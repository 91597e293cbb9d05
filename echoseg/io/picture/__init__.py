"""What a picture shows, and whether a measure is defined on it."""
