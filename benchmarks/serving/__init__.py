"""How quickly the services answer, over HTTP, as a shop's pages meet them."""
