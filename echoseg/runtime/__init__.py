"""How a network executes: device, precision, and the cache of frame features."""
