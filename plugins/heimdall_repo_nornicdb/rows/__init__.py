"""From families of questions to rows: schemas, drawing without copies, sample queries."""
