"""Video files: what every library must give (``decoder``), those there are, and the source made of them."""
