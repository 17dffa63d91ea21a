"""Generator `logs`: queries that were really asked, without the data in them."""
