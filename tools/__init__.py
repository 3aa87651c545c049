"""Set-up, start and checks; nothing in here is part of what runs for owners or staff."""
