"""The list of chats that a browser keeps."""
