"""What stands in the line above the conversation."""
