"""Plain series (`timestamp,value`), scored row by row with one setting for all of them."""
