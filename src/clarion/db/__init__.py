"""PostgreSQL: the embedded server, pools and transactions, one way to run SQL, migrations."""
