"""The steps at which a worker can be told to die."""

STEPS = ("before_claim", "after_claim", "before_commit_together", "after_call", "before_commit_of_sent", "after_commit")
