"""From the names that a user gives to single images."""
