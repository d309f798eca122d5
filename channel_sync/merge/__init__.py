"""Who changed what of a booking that both sides have: the one place that decides what moves where."""
