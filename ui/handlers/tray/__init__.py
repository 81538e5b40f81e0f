"""What a person does with the files of the next message."""
