"""What answers found, in the formats of tools for data sets and training."""
