"""Should a source be added? Shift from a target, what its rows would gain, and a verdict."""
