"""``synchronize`` as its users know it: what arrives, what is heard, who wins, what is said."""
