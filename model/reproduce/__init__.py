"""An answer once more without this project: records, scripts, archives, Verify."""
