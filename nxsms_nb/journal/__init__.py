"""What was attempted, durably, so that nothing is sent twice."""
