"""Measures beside what others reach; nothing here is imported by the product."""
