"""What a person or a program does: each event of the page and each call of the API."""
