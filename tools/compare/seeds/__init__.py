"""Objects rich in fields, by kind: what the generators of `tools.compare.stories` start from."""
