"""How questions about a drawing are put: for training, for the test set and for the blind one."""
