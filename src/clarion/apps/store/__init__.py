"""The SQL of applications: `applications` and what they declare, `columns` a company adds to its devices."""
