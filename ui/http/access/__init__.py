"""Access: log-in, origins, and limits for each person."""
