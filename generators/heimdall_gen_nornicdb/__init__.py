"""Generator `nornicdb`: NornicDB's operations and what its engine does otherwise than others."""
