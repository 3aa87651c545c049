"""Chinese text and nothing else: normalise, segment, encode, read times, find things."""
