"""What ``synchro_status`` tells: where LOCAL and each remote stand, the last runs, and what is to be cured."""
