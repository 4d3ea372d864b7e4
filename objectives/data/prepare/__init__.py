"""Split and tokenise chains into the tables that training reads, and cache them."""
