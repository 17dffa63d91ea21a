"""heimdall_train_scratch."""
