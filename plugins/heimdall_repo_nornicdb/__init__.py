"""What Heimdall knows of NornicDB: facts files, the reader of a checkout, the server's prompt."""
