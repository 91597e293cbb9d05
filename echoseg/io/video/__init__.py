"""Video files: what every library must give (``decoder``), the libraries that there are (``open``), and the source made of them."""
