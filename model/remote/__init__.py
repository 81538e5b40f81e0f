"""The backend for any OpenAI-compatible server. No torch."""
