"""What is kept from run to run: checkpoints, leases, failures, identities of databases."""
