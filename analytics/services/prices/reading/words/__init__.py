"""Words of the field: codes of currencies, names of columns and what they mean."""
