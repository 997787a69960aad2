"""Models that this project trains and ships."""
