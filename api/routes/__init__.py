"""The routes, one module per resource; each is a class whose methods are handlers and whose `add_to` lists them."""
