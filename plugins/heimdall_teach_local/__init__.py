"""Teacher `local`: a GGUF file or a Hugging Face model directory on this machine."""
