"""The tasks that a study can fine-tune for: one file a task, named as in ``settings.task``."""
