"""Teacher `openai`: OpenAI's models, and every server that speaks its interface."""
