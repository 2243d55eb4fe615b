"""What a model file is and what runs it; the shipped models."""
