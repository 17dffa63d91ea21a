"""The command `heimdall report`: a run as one HTML page, a model card, or JSON."""
