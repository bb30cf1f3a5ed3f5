"""One reader for quotes as people have them. See docs/quotes.md."""
