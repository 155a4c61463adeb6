"""Who is spoken to: predicates over devices compiled to SQL, named segments, counting, reading in bounded pieces."""
