"""Records of cells: their schema, their store, where they come from."""
