"""Generator `troubleshooting`: symptom, diagnosis and action; broken queries and their repair."""
