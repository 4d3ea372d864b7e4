"""A report that people keep: one tree of records, and a page, figures and files drawn from it."""
