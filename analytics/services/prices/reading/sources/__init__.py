"""Where quotes come from: files of any kind, opened, unpacked, cut into cells."""
