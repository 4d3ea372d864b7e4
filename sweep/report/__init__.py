"""Study reports: one JSON tree, and the HTML page, figures and files made from it."""
