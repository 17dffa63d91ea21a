"""The runtime on Hugging Face model directories, and what trainers share: encoding of rows,
length-bucketed batches, the loss on answers. A foundation plugin: other plugins may import it."""
