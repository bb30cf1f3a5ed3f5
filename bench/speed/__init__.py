"""How fast the product is, each part beside a plain way of the same in one run (`make bench`)."""
