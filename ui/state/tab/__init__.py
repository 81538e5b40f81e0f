"""One tab: its conversation, the draft of the next message, who is there, and its runs."""
