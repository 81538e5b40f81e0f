"""How often the checkpoint is right. Training imports nothing from here."""
