"""What stands on the page, and which event calls what."""
