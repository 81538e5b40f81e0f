"""The Hugging Face Hub, through huggingface_hub."""
