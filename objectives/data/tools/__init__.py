"""What a person does with data before a sweep: fetch it, look at it, convert it."""
