-- May be stopped and called again: what is there already is passed over.
CALL quotes_copy();
