"""Both sides compared before a property is sent anything, and what a person decides about it."""
