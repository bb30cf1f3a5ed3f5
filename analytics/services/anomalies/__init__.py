"""Strange quotes: scanned, watched live, gathered into events, judged by people."""
