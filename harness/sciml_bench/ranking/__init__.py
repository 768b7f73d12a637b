"""From records to rows: intervals, summaries, and accuracy against cost."""
