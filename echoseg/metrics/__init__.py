"""How well masks and numbers agree with a reference, each measure once: overlap, borders, motion, agreement, bootstrap intervals."""
