"""What a person does with the conversation."""
