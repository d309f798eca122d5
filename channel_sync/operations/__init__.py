"""What people do with the sync: the API, the admin and the commands all call these services."""
