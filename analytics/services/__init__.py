"""The verbs of the product: keyword-only, typed, named noun_verb. Faces only translate."""
