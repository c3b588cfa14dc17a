"""`winnow doctor`: is everything here that a run needs, and what mends what is not."""
