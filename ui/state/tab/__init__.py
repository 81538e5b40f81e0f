"""One tab: its conversation, its tray, its runs and what its page has drawn."""
