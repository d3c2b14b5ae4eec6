"""The parts of the Weights page: what is picked, the epochs, the linked views, the judgements."""
