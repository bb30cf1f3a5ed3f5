"""The deep learning calls below dl/: train, predict, detect, recognise."""
