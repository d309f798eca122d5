"""The steps at which a worker can be told to die."""

STEPS = ("before_claim", "after_claim", "before_commit_together", "after_call", "after_commit")
