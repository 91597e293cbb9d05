"""Labelled data: the layouts in which it comes, one reader a layout."""
