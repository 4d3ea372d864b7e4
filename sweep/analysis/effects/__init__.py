"""Effects of parameters as pieces of variance, with intervals: arrays in, records out."""
