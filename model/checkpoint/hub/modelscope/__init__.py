"""ModelScope, through modelscope_hub."""
