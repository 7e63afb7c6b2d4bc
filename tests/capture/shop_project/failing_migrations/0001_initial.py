from shop_migrations import import_migration

Migration = import_migration("0001_initial")
