"""What connects this package with others that a project may have: a module for each, which nothing else imports."""
