"""Work on data in processes of this machine."""
