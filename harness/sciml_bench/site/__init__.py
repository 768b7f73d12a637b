"""The static pages of the leaderboard, built from records alone."""
