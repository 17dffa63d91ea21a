"""Fine-tunes a model with LoRA and its kin, on the full-precision base or on one in 4 bits."""
