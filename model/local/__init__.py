"""LocalBackend: a checkpoint in this process, through transformers."""

from model.local.backend import LocalBackend

__all__ = ["LocalBackend"]
