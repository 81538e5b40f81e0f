"""Who may come in: log-in, origins, and how much one person may ask for."""
