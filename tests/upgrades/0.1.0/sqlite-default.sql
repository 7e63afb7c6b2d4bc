BEGIN TRANSACTION;
CREATE TABLE "django_content_type" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app_label" varchar(100) NOT NULL, "model" varchar(100) NOT NULL);
INSERT INTO "django_content_type" VALUES(1,'contenttypes','contenttype');
INSERT INTO "django_content_type" VALUES(2,'synchro_triggers','changelog');
INSERT INTO "django_content_type" VALUES(3,'synchro_triggers','checkpoint');
INSERT INTO "django_content_type" VALUES(4,'synchro_triggers','node');
INSERT INTO "django_content_type" VALUES(5,'synchro_triggers','metnode');
INSERT INTO "django_content_type" VALUES(6,'synchro_triggers','sessionvalue');
INSERT INTO "django_content_type" VALUES(7,'synchro_triggers','window');
INSERT INTO "django_content_type" VALUES(8,'synchro_triggers','knowledge');
INSERT INTO "django_content_type" VALUES(9,'synchro_triggers','arrival');
INSERT INTO "django_content_type" VALUES(10,'synchro_triggers','contribution');
INSERT INTO "django_content_type" VALUES(11,'synchro_triggers','userschange');
INSERT INTO "django_content_type" VALUES(12,'synchro_triggers','failure');
INSERT INTO "django_content_type" VALUES(13,'synchro_triggers','introduction');
INSERT INTO "django_content_type" VALUES(14,'synchro_triggers','reference');
INSERT INTO "django_content_type" VALUES(15,'synchro_triggers','conflict');
INSERT INTO "django_content_type" VALUES(16,'synchro_triggers','run');
INSERT INTO "django_content_type" VALUES(17,'synchro_triggers','appliedtotal');
INSERT INTO "django_content_type" VALUES(18,'synchro_triggers','conflicttotal');
INSERT INTO "django_content_type" VALUES(19,'shop','customer');
INSERT INTO "django_content_type" VALUES(20,'shop','label');
INSERT INTO "django_content_type" VALUES(21,'shop','order');
INSERT INTO "django_content_type" VALUES(22,'shop','parcel');
CREATE TABLE "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL, "applied" datetime NOT NULL);
INSERT INTO "django_migrations" VALUES(1,'contenttypes','0001_initial','2026-11-28 03:39:26.213132');
INSERT INTO "django_migrations" VALUES(2,'contenttypes','0002_remove_content_type_name','2026-11-28 03:39:26.241564');
INSERT INTO "django_migrations" VALUES(3,'shop','0001_initial','2026-11-28 03:39:26.276122');
INSERT INTO "django_migrations" VALUES(4,'synchro_triggers','0001_initial','2026-11-28 03:39:26.384038');
CREATE TABLE "shop_customer" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(50) NOT NULL);
INSERT INTO "shop_customer" VALUES(1,'Ann');
INSERT INTO "shop_customer" VALUES(2,'Robert');
INSERT INTO "shop_customer" VALUES(4,'of main');
CREATE TABLE "shop_label" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(50) NOT NULL UNIQUE);
INSERT INTO "shop_label" VALUES(1,'new');
INSERT INTO "shop_label" VALUES(2,'paid');
CREATE TABLE "shop_order" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "number" integer NOT NULL UNIQUE, "total" decimal NOT NULL, "customer_id" bigint NOT NULL REFERENCES "shop_customer" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "shop_order" VALUES(1,1,10.5,1);
INSERT INTO "shop_order" VALUES(2,2,7,1);
INSERT INTO "shop_order" VALUES(3,3,3,1);
INSERT INTO "shop_order" VALUES(5,50,2,1);
INSERT INTO "shop_order" VALUES(6,5,5,2);
CREATE TABLE "shop_order_labels" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "order_id" bigint NOT NULL REFERENCES "shop_order" ("id") DEFERRABLE INITIALLY DEFERRED, "label_id" bigint NOT NULL REFERENCES "shop_label" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "shop_order_labels" VALUES(1,1,1);
INSERT INTO "shop_order_labels" VALUES(3,3,1);
INSERT INTO "shop_order_labels" VALUES(5,6,1);
INSERT INTO "shop_order_labels" VALUES(6,6,2);
INSERT INTO "shop_order_labels" VALUES(7,2,2);
CREATE TABLE "shop_parcel" ("id" char(32) NOT NULL PRIMARY KEY, "packed_at" datetime NULL, "order_id" bigint NOT NULL REFERENCES "shop_order" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "shop_parcel" VALUES('00000000000000000000000000000002','2026-01-02 03:04:05.678901',2);
INSERT INTO "shop_parcel" VALUES('00000000000000000000000000000003',NULL,3);
CREATE TABLE "synchro_triggers_appliedtotal" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "remote" varchar(255) NOT NULL, "direction" varchar(4) NOT NULL, "model_label" varchar(200) NOT NULL, "operation" varchar(10) NOT NULL, "number" bigint NOT NULL);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(1,'main','push','shop.Customer','created',3);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(2,'main','push','shop.Label','created',2);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(3,'main','push','shop.Order','created',4);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(4,'main','push','shop.Order_labels','created',4);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(5,'main','push','shop.Parcel','created',4);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(6,'main','pull','shop.Customer','created',1);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(7,'main','push','shop.Order','deleted',1);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(8,'main','push','shop.Order','updated',1);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(9,'main','push','shop.Order_labels','deleted',1);
INSERT INTO "synchro_triggers_appliedtotal" VALUES(10,'main','push','shop.Parcel','deleted',1);
CREATE TABLE "synchro_triggers_arrival" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "source" varchar(36) NOT NULL, "seen" bigint NOT NULL, "brought" text NOT NULL, "gone" text NOT NULL);
CREATE TABLE "synchro_triggers_changelog" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "model_label" varchar(200) NOT NULL, "object_pk" text NOT NULL, "operation" varchar(1) NOT NULL, "changed_fields" text NOT NULL, "old_values" text NULL, "origin" varchar(36) NOT NULL, "logged_at" datetime DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')) NOT NULL, "txid" bigint DEFAULT (0) NOT NULL);
INSERT INTO "synchro_triggers_changelog" VALUES(1,'shop.Customer','1','I','',NULL,'','2026-11-28 03:39:27.575',0);
INSERT INTO "synchro_triggers_changelog" VALUES(2,'shop.Customer','2','I','',NULL,'','2026-11-28 03:39:27.592',0);
INSERT INTO "synchro_triggers_changelog" VALUES(3,'shop.Customer','3','I','',NULL,'','2026-11-28 03:39:27.608',0);
INSERT INTO "synchro_triggers_changelog" VALUES(4,'shop.Label','1','I','',NULL,'','2026-11-28 03:39:27.624',0);
INSERT INTO "synchro_triggers_changelog" VALUES(5,'shop.Label','2','I','',NULL,'','2026-11-28 03:39:27.640',0);
INSERT INTO "synchro_triggers_changelog" VALUES(6,'shop.Order','1','I','',NULL,'','2026-11-28 03:39:27.654',0);
INSERT INTO "synchro_triggers_changelog" VALUES(7,'shop.Order_labels','1','I','',NULL,'','2026-11-28 03:39:27.678',0);
INSERT INTO "synchro_triggers_changelog" VALUES(8,'shop.Parcel','00000000-0000-0000-0000-000000000001','I','',NULL,'','2026-11-28 03:39:27.699',0);
INSERT INTO "synchro_triggers_changelog" VALUES(9,'shop.Order','2','I','',NULL,'','2026-11-28 03:39:27.713',0);
INSERT INTO "synchro_triggers_changelog" VALUES(10,'shop.Order_labels','2','I','',NULL,'','2026-11-28 03:39:27.729',0);
INSERT INTO "synchro_triggers_changelog" VALUES(11,'shop.Parcel','00000000-0000-0000-0000-000000000002','I','',NULL,'','2026-11-28 03:39:27.742',0);
INSERT INTO "synchro_triggers_changelog" VALUES(12,'shop.Order','3','I','',NULL,'','2026-11-28 03:39:27.753',0);
INSERT INTO "synchro_triggers_changelog" VALUES(13,'shop.Order_labels','3','I','',NULL,'','2026-11-28 03:39:27.769',0);
INSERT INTO "synchro_triggers_changelog" VALUES(14,'shop.Parcel','00000000-0000-0000-0000-000000000003','I','',NULL,'','2026-11-28 03:39:27.788',0);
INSERT INTO "synchro_triggers_changelog" VALUES(15,'shop.Order','4','I','',NULL,'','2026-11-28 03:39:27.801',0);
INSERT INTO "synchro_triggers_changelog" VALUES(16,'shop.Order_labels','4','I','',NULL,'','2026-11-28 03:39:27.815',0);
INSERT INTO "synchro_triggers_changelog" VALUES(17,'shop.Parcel','00000000-0000-0000-0000-000000000004','I','',NULL,'','2026-11-28 03:39:27.831',0);
INSERT INTO "synchro_triggers_changelog" VALUES(18,'shop.Customer','4','I','',NULL,'edbd45c4-f015-408f-8ec7-43e0092c8e20','2026-11-28 03:39:28.963',0);
INSERT INTO "synchro_triggers_changelog" VALUES(19,'shop.Order','1','U','total',NULL,'','2026-11-28 03:39:29.321',0);
INSERT INTO "synchro_triggers_changelog" VALUES(20,'shop.Order_labels','4','D','','{"order_id":4,"label_id":1}','','2026-11-28 03:39:29.387',0);
INSERT INTO "synchro_triggers_changelog" VALUES(21,'shop.Parcel','00000000-0000-0000-0000-000000000004','D','',NULL,'','2026-11-28 03:39:29.396',0);
INSERT INTO "synchro_triggers_changelog" VALUES(22,'shop.Order','4','D','',NULL,'','2026-11-28 03:39:29.397',0);
INSERT INTO "synchro_triggers_changelog" VALUES(23,'shop.Order','5','I','',NULL,'','2026-11-28 03:39:30.834',0);
INSERT INTO "synchro_triggers_changelog" VALUES(24,'shop.Customer','2','U','name',NULL,'','2026-11-28 03:39:32.079',0);
INSERT INTO "synchro_triggers_changelog" VALUES(25,'shop.Customer','3','D','',NULL,'','2026-11-28 03:39:32.138',0);
INSERT INTO "synchro_triggers_changelog" VALUES(26,'shop.Order','6','I','',NULL,'','2026-11-28 03:39:32.177',0);
INSERT INTO "synchro_triggers_changelog" VALUES(27,'shop.Order_labels','5','I','',NULL,'','2026-11-28 03:39:32.201',0);
INSERT INTO "synchro_triggers_changelog" VALUES(28,'shop.Order_labels','6','I','',NULL,'','2026-11-28 03:39:32.201',0);
INSERT INTO "synchro_triggers_changelog" VALUES(29,'shop.Order_labels','2','D','','{"order_id":2,"label_id":1}','','2026-11-28 03:39:32.241',0);
INSERT INTO "synchro_triggers_changelog" VALUES(30,'shop.Order_labels','7','I','',NULL,'','2026-11-28 03:39:32.242',0);
INSERT INTO "synchro_triggers_changelog" VALUES(31,'shop.Parcel','00000000-0000-0000-0000-000000000003','U','packed_at',NULL,'','2026-11-28 03:39:32.277',0);
INSERT INTO "synchro_triggers_changelog" VALUES(32,'shop.Parcel','00000000-0000-0000-0000-000000000001','D','',NULL,'','2026-11-28 03:39:32.297',0);
INSERT INTO "synchro_triggers_changelog" VALUES(33,'shop.Order','2','U','total',NULL,'','2026-11-28 03:39:32.327',0);
CREATE TABLE "synchro_triggers_checkpoint" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "source" varchar(36) NOT NULL UNIQUE, "position" text NOT NULL, "window_end" text NOT NULL, "window_after" bigint NOT NULL, "came_with" bigint NULL, "since" datetime NULL, "last_check" datetime NULL, "last_row" text NOT NULL, "last_window" text NOT NULL, "place" text NOT NULL, "number" bigint NOT NULL, "passed" bigint NOT NULL, "lacks" text NOT NULL, "unlogged" text NOT NULL, "whole" text NOT NULL, "left_out" text NOT NULL, "looked" text NOT NULL, "run_id" varchar(36) NOT NULL, "run_host" varchar(255) NOT NULL, "run_pid" bigint NULL, "run_started" datetime NULL, "run_seen" datetime NULL);
INSERT INTO "synchro_triggers_checkpoint" VALUES(1,'edbd45c4-f015-408f-8ec7-43e0092c8e20','23','',0,NULL,NULL,'2026-11-28 03:39:30.400182','23|2026-11-28 03:39:30.271|shop.Order|31','','0',2,1,'','','','','','','',NULL,NULL,NULL);
CREATE TABLE "synchro_triggers_conflict" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "source" varchar(36) NOT NULL, "model_label" varchar(200) NOT NULL, "local_pk" varchar(500) NOT NULL, "local_text" text NULL, "remote_pk" varchar(500) NOT NULL, "remote_text" text NULL, "kind" varchar(20) NOT NULL, "local_values" text NULL, "remote_values" text NULL, "merged_values" text NULL, "local_author" varchar(36) NOT NULL, "remote_author" varchar(36) NOT NULL, "local_at" datetime NULL, "remote_at" datetime NULL, "rule" text NOT NULL, "result" varchar(10) NOT NULL, "decided_at" datetime DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')) NOT NULL, "taken" varchar(10) NOT NULL, "taken_at" datetime NULL);
CREATE TABLE "synchro_triggers_conflicttotal" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "source" varchar(36) NOT NULL, "rule" text NOT NULL, "number" bigint NOT NULL);
CREATE TABLE "synchro_triggers_contribution" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "author" varchar(36) NOT NULL, "counter" varchar(200) NOT NULL, "object_pk" varchar(500) NOT NULL, "amount" text NOT NULL, "number" bigint NOT NULL, "row" bigint NOT NULL, "seen" bigint DEFAULT 0 NOT NULL, CONSTRAINT "synchro_triggers_contributed" UNIQUE ("object_pk", "counter", "author"));
CREATE TABLE "synchro_triggers_failure" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "source" varchar(36) NOT NULL, "model_label" varchar(200) NOT NULL, "object_pk" varchar(500) NOT NULL, "object_text" text NULL, "operation" varchar(1) NOT NULL, "old_values" text NULL, "other_rows" text NULL, "logged_at" datetime NOT NULL, "error" text NOT NULL, "attempts" integer unsigned NOT NULL CHECK ("attempts" >= 0), "first_at" datetime DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')) NOT NULL, "last_at" datetime DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')) NOT NULL, "runs" integer unsigned NOT NULL CHECK ("runs" >= 0), "next_at" datetime NULL, "waits_label" varchar(200) NOT NULL, "waits_pk" varchar(500) NOT NULL, CONSTRAINT "synchro_triggers_failure_object" UNIQUE ("source", "model_label", "object_pk"));
CREATE TABLE "synchro_triggers_introduction" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "source" varchar(36) NOT NULL, "model_label" varchar(200) NOT NULL, "word" varchar(10) NOT NULL, "up_to" bigint NOT NULL, "keys" text NOT NULL, CONSTRAINT "synchro_triggers_introduced" UNIQUE ("source", "model_label"));
INSERT INTO "synchro_triggers_introduction" VALUES(1,'edbd45c4-f015-408f-8ec7-43e0092c8e20','shop.Customer','unclaimed',4,'1-4');
INSERT INTO "synchro_triggers_introduction" VALUES(2,'edbd45c4-f015-408f-8ec7-43e0092c8e20','shop.Order','unclaimed',3,'1-3');
CREATE TABLE "synchro_triggers_knowledge" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "author" varchar(36) NOT NULL, "model_label" varchar(200) NOT NULL, "number" bigint NOT NULL, "came_with" bigint DEFAULT 0 NOT NULL, CONSTRAINT "synchro_triggers_known" UNIQUE ("author", "model_label", "came_with"));
CREATE TABLE "synchro_triggers_metnode" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "alias" varchar(255) NOT NULL, "node_id" varchar(36) NOT NULL, "position" text NOT NULL, CONSTRAINT "synchro_triggers_met_node" UNIQUE ("alias", "node_id"));
INSERT INTO "synchro_triggers_metnode" VALUES(1,'main','edbd45c4-f015-408f-8ec7-43e0092c8e20','');
CREATE TABLE "synchro_triggers_node" ("id" smallint unsigned NOT NULL PRIMARY KEY CHECK ("id" >= 0), "node_id" varchar(36) NOT NULL UNIQUE, "fingerprint" text NOT NULL, "copied_from" text NOT NULL, "succeeds" text NOT NULL, "pruned_to" bigint NOT NULL, "forgotten" text NOT NULL, "counting" varchar(36) NOT NULL, "adopted" text NOT NULL, "created_at" datetime DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')) NOT NULL);
INSERT INTO "synchro_triggers_node" VALUES(1,'7e8ccce3-ca81-46db-bff9-8f7df6c52f39','0','','',0,'','','','2026-11-28 03:39:26.493');
CREATE TABLE "synchro_triggers_reference" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "source" varchar(36) NOT NULL, "model_label" varchar(200) NOT NULL, "local_pk" varchar(500) NOT NULL, "ended" bigint DEFAULT 0 NOT NULL, "remote_pk" varchar(500) NOT NULL, "gone" bigint NULL, "local_text" text NULL, "remote_text" text NULL, "logged" bigint NULL, "met_at" datetime DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')) NOT NULL, "remote_won" bool DEFAULT 0 NOT NULL, "replaced_at" datetime NULL, "author" varchar(36) NULL, "number" bigint NULL, "time" bigint NULL, "seen" bigint NULL, "fields" text NULL, "came_with" bigint NULL, "upon" text NULL, CONSTRAINT "synchro_triggers_ref_local" UNIQUE ("local_pk", "model_label", "source", "ended"));
INSERT INTO "synchro_triggers_reference" VALUES(1,'edbd45c4-f015-408f-8ec7-43e0092c8e20','shop.Customer','1',0,'4',NULL,NULL,NULL,1,'2026-11-28 03:39:28.964',0,NULL,NULL,1,1795837167553000,18,NULL,2298516718410576293,NULL);
INSERT INTO "synchro_triggers_reference" VALUES(2,'7e8ccce3-ca81-46db-bff9-8f7df6c52f39','shop.Order','1',0,'1',NULL,NULL,NULL,6,'2026-11-28 03:39:30.526',0,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL);
CREATE TABLE "synchro_triggers_run" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "remote" varchar(255) NOT NULL, "remote_node" varchar(36) NOT NULL, "direction" varchar(4) NOT NULL, "begun_at" datetime NOT NULL, "ended_at" datetime NULL, "outcome" varchar(20) NOT NULL, "error" text NOT NULL, "written" bigint NOT NULL, "deleted" bigint NOT NULL, "links" bigint NOT NULL, "kept" bigint NOT NULL, "conflicts" bigint NOT NULL, "begun_by" varchar(255) NOT NULL, "host" varchar(255) NOT NULL, "pid" bigint NOT NULL);
INSERT INTO "synchro_triggers_run" VALUES(1,'main','edbd45c4-f015-408f-8ec7-43e0092c8e20','push','2026-11-28 03:39:28.324599','2026-11-28 03:39:28.692803','done','',13,0,4,0,0,'command','office',9878);
INSERT INTO "synchro_triggers_run" VALUES(2,'main','edbd45c4-f015-408f-8ec7-43e0092c8e20','pull','2026-11-28 03:39:28.324677','2026-11-28 03:39:29.071978','done','',1,0,0,0,0,'command','office',9878);
INSERT INTO "synchro_triggers_run" VALUES(3,'main','edbd45c4-f015-408f-8ec7-43e0092c8e20','push','2026-11-28 03:39:30.019238','2026-11-28 03:39:30.342039','done','',1,2,1,0,0,'command','office',9892);
INSERT INTO "synchro_triggers_run" VALUES(4,'main','edbd45c4-f015-408f-8ec7-43e0092c8e20','pull','2026-11-28 03:39:30.019320','2026-11-28 03:39:30.564893','nothing to do','',0,0,0,0,0,'command','office',9892);
INSERT INTO "synchro_triggers_run" VALUES(5,'main','edbd45c4-f015-408f-8ec7-43e0092c8e20','push','2026-11-28 03:39:31.415989','2026-11-28 03:39:31.812196','done','',0,0,0,1,0,'command','office',9905);
CREATE TABLE "synchro_triggers_sessionvalue" ("key" varchar(30) NOT NULL PRIMARY KEY, "value" text NOT NULL);
CREATE TABLE "synchro_triggers_userschange" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "model_label" varchar(200) NOT NULL, "object_pk" varchar(500) NOT NULL, "row" bigint NOT NULL, CONSTRAINT "synchro_triggers_users_change" UNIQUE ("object_pk", "model_label"));
CREATE TABLE "synchro_triggers_window" ("number" bigint NOT NULL PRIMARY KEY, "position" text NOT NULL, "closed_at" datetime DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')) NOT NULL);
INSERT INTO "synchro_triggers_window" VALUES(1,'22','2026-11-28 03:39:30.153');
INSERT INTO "synchro_triggers_window" VALUES(2,'23','2026-11-28 03:39:31.512');
CREATE UNIQUE INDEX "django_content_type_app_label_model_76bd3d3b_uniq" ON "django_content_type" ("app_label", "model");
CREATE INDEX "shop_order_customer_id_f638df20" ON "shop_order" ("customer_id");
CREATE UNIQUE INDEX "shop_order_labels_order_id_label_id_e79ae24f_uniq" ON "shop_order_labels" ("order_id", "label_id");
CREATE INDEX "shop_order_labels_order_id_d9557e95" ON "shop_order_labels" ("order_id");
CREATE INDEX "shop_order_labels_label_id_35cd9920" ON "shop_order_labels" ("label_id");
CREATE INDEX "shop_parcel_order_id_8d7a56a5" ON "shop_parcel" ("order_id");
CREATE INDEX "synchro_triggers_ref_remote" ON "synchro_triggers_reference" ("remote_pk", "model_label", "source");
CREATE INDEX "synchro_triggers_run_ended" ON "synchro_triggers_run" ("remote", "direction", "ended_at");
CREATE TRIGGER "synchro_ins_01d6910b0f859873ef5b" AFTER INSERT ON "shop_customer" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Customer */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Customer', CAST(NEW."id" AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_upd_01d6910b0f859873ef5b" AFTER UPDATE ON "shop_customer" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused') AND (OLD."id" IS NOT NEW."id" COLLATE BINARY OR OLD."name" IS NOT NEW."name" COLLATE BINARY)
BEGIN /* full shop.Customer */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Customer', CAST(NEW."id" AS TEXT), 'U', substr(CASE WHEN OLD."name" IS NOT NEW."name" COLLATE BINARY THEN ',name' ELSE '' END, 2), NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE NOT (OLD."id" IS NOT NEW."id" COLLATE BINARY);
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Customer', CAST(OLD."id" AS TEXT), 'D', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Customer', CAST(NEW."id" AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
END;
CREATE TRIGGER "synchro_del_01d6910b0f859873ef5b" AFTER DELETE ON "shop_customer" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Customer */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Customer', CAST(OLD."id" AS TEXT), 'D', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_repl_01d6910b0f859873ef5b" BEFORE INSERT ON "shop_customer" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Customer */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Customer', CAST(r."id" AS TEXT), 'U', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_customer" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY")) AND (r."id" IS NEW."id");
END;
CREATE TRIGGER "synchro_updrepl_01d6910b0f859873ef5b" BEFORE UPDATE OF "id" ON "shop_customer" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Customer */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Customer', CAST(r."id" AS TEXT), 'D', '?', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_customer" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY")) AND NOT (r."id" = OLD."id");
END;
CREATE TRIGGER "synchro_ins_76a8a5d7744f4e23b5b0" AFTER INSERT ON "shop_label" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Label */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Label', CAST(NEW."id" AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_upd_76a8a5d7744f4e23b5b0" AFTER UPDATE ON "shop_label" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused') AND (OLD."id" IS NOT NEW."id" COLLATE BINARY OR OLD."name" IS NOT NEW."name" COLLATE BINARY)
BEGIN /* full shop.Label */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Label', CAST(NEW."id" AS TEXT), 'U', substr(CASE WHEN OLD."name" IS NOT NEW."name" COLLATE BINARY THEN ',name' ELSE '' END, 2), CASE WHEN OLD."name" IS NOT NEW."name" COLLATE BINARY THEN json_object('name', CASE typeof(OLD."name") WHEN 'blob' THEN hex(OLD."name") ELSE OLD."name" END) END,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE NOT (OLD."id" IS NOT NEW."id" COLLATE BINARY);
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Label', CAST(OLD."id" AS TEXT), 'D', '', json_object('name', CASE typeof(OLD."name") WHEN 'blob' THEN hex(OLD."name") ELSE OLD."name" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Label', CAST(NEW."id" AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
END;
CREATE TRIGGER "synchro_del_76a8a5d7744f4e23b5b0" AFTER DELETE ON "shop_label" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Label */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Label', CAST(OLD."id" AS TEXT), 'D', '', json_object('name', CASE typeof(OLD."name") WHEN 'blob' THEN hex(OLD."name") ELSE OLD."name" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_repl_76a8a5d7744f4e23b5b0" BEFORE INSERT ON "shop_label" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Label */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Label', CAST(r."id" AS TEXT), 'U', '', json_object('name', CASE typeof(r."name") WHEN 'blob' THEN hex(r."name") ELSE r."name" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_label" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY") OR (r."name" = NEW."name" COLLATE "BINARY")) AND (r."id" IS NEW."id");
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Label', CAST(r."id" AS TEXT), 'D', '?', json_object('name', CASE typeof(r."name") WHEN 'blob' THEN hex(r."name") ELSE r."name" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_label" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY") OR (r."name" = NEW."name" COLLATE "BINARY")) AND NOT (r."id" IS NEW."id");
END;
CREATE TRIGGER "synchro_updrepl_76a8a5d7744f4e23b5b0" BEFORE UPDATE OF "id", "name" ON "shop_label" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Label */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Label', CAST(r."id" AS TEXT), 'D', '?', json_object('name', CASE typeof(r."name") WHEN 'blob' THEN hex(r."name") ELSE r."name" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_label" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY") OR (r."name" = NEW."name" COLLATE "BINARY")) AND NOT (r."id" = OLD."id");
END;
CREATE TRIGGER "synchro_ins_40225c1a05130c6b23d8" AFTER INSERT ON "shop_order_labels" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Order_labels */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order_labels', CAST(NEW."id" AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_upd_40225c1a05130c6b23d8" AFTER UPDATE ON "shop_order_labels" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused') AND (OLD."id" IS NOT NEW."id" COLLATE BINARY OR OLD."order_id" IS NOT NEW."order_id" COLLATE BINARY OR OLD."label_id" IS NOT NEW."label_id" COLLATE BINARY)
BEGIN /* full shop.Order_labels */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order_labels', CAST(NEW."id" AS TEXT), 'U', substr(CASE WHEN OLD."order_id" IS NOT NEW."order_id" COLLATE BINARY THEN ',order' ELSE '' END || CASE WHEN OLD."label_id" IS NOT NEW."label_id" COLLATE BINARY THEN ',label' ELSE '' END, 2), CASE WHEN OLD."order_id" IS NOT NEW."order_id" COLLATE BINARY OR OLD."label_id" IS NOT NEW."label_id" COLLATE BINARY THEN json_object('order_id', CASE typeof(OLD."order_id") WHEN 'blob' THEN hex(OLD."order_id") ELSE OLD."order_id" END, 'label_id', CASE typeof(OLD."label_id") WHEN 'blob' THEN hex(OLD."label_id") ELSE OLD."label_id" END) END,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE NOT (OLD."id" IS NOT NEW."id" COLLATE BINARY);
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order_labels', CAST(OLD."id" AS TEXT), 'D', '', json_object('order_id', CASE typeof(OLD."order_id") WHEN 'blob' THEN hex(OLD."order_id") ELSE OLD."order_id" END, 'label_id', CASE typeof(OLD."label_id") WHEN 'blob' THEN hex(OLD."label_id") ELSE OLD."label_id" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order_labels', CAST(NEW."id" AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
END;
CREATE TRIGGER "synchro_del_40225c1a05130c6b23d8" AFTER DELETE ON "shop_order_labels" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Order_labels */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order_labels', CAST(OLD."id" AS TEXT), 'D', '', json_object('order_id', CASE typeof(OLD."order_id") WHEN 'blob' THEN hex(OLD."order_id") ELSE OLD."order_id" END, 'label_id', CASE typeof(OLD."label_id") WHEN 'blob' THEN hex(OLD."label_id") ELSE OLD."label_id" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_repl_40225c1a05130c6b23d8" BEFORE INSERT ON "shop_order_labels" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Order_labels */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order_labels', CAST(r."id" AS TEXT), 'U', '', json_object('order_id', CASE typeof(r."order_id") WHEN 'blob' THEN hex(r."order_id") ELSE r."order_id" END, 'label_id', CASE typeof(r."label_id") WHEN 'blob' THEN hex(r."label_id") ELSE r."label_id" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_order_labels" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY") OR (r."order_id" = NEW."order_id" COLLATE "BINARY" AND r."label_id" = NEW."label_id" COLLATE "BINARY")) AND (r."id" IS NEW."id");
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order_labels', CAST(r."id" AS TEXT), 'D', '?', json_object('order_id', CASE typeof(r."order_id") WHEN 'blob' THEN hex(r."order_id") ELSE r."order_id" END, 'label_id', CASE typeof(r."label_id") WHEN 'blob' THEN hex(r."label_id") ELSE r."label_id" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_order_labels" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY") OR (r."order_id" = NEW."order_id" COLLATE "BINARY" AND r."label_id" = NEW."label_id" COLLATE "BINARY")) AND NOT (r."id" IS NEW."id");
END;
CREATE TRIGGER "synchro_updrepl_40225c1a05130c6b23d8" BEFORE UPDATE OF "id", "order_id", "label_id" ON "shop_order_labels" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Order_labels */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order_labels', CAST(r."id" AS TEXT), 'D', '?', json_object('order_id', CASE typeof(r."order_id") WHEN 'blob' THEN hex(r."order_id") ELSE r."order_id" END, 'label_id', CASE typeof(r."label_id") WHEN 'blob' THEN hex(r."label_id") ELSE r."label_id" END),
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_order_labels" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY") OR (r."order_id" = NEW."order_id" COLLATE "BINARY" AND r."label_id" = NEW."label_id" COLLATE "BINARY")) AND NOT (r."id" = OLD."id");
END;
CREATE TRIGGER "synchro_ins_8e704428bf9adb7507b2" AFTER INSERT ON "shop_order" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Order */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order', CAST(NEW."id" AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_upd_8e704428bf9adb7507b2" AFTER UPDATE ON "shop_order" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused') AND (OLD."id" IS NOT NEW."id" COLLATE BINARY OR OLD."number" IS NOT NEW."number" COLLATE BINARY OR OLD."total" IS NOT NEW."total" COLLATE BINARY OR OLD."customer_id" IS NOT NEW."customer_id" COLLATE BINARY)
BEGIN /* full shop.Order */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order', CAST(NEW."id" AS TEXT), 'U', substr(CASE WHEN OLD."number" IS NOT NEW."number" COLLATE BINARY THEN ',number' ELSE '' END || CASE WHEN OLD."total" IS NOT NEW."total" COLLATE BINARY THEN ',total' ELSE '' END || CASE WHEN OLD."customer_id" IS NOT NEW."customer_id" COLLATE BINARY THEN ',customer' ELSE '' END, 2), NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE NOT (OLD."id" IS NOT NEW."id" COLLATE BINARY);
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order', CAST(OLD."id" AS TEXT), 'D', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order', CAST(NEW."id" AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
END;
CREATE TRIGGER "synchro_del_8e704428bf9adb7507b2" AFTER DELETE ON "shop_order" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Order */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order', CAST(OLD."id" AS TEXT), 'D', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_repl_8e704428bf9adb7507b2" BEFORE INSERT ON "shop_order" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Order */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order', CAST(r."id" AS TEXT), 'U', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_order" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY") OR (r."number" = NEW."number" COLLATE "BINARY")) AND (r."id" IS NEW."id");
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order', CAST(r."id" AS TEXT), 'D', '?', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_order" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY") OR (r."number" = NEW."number" COLLATE "BINARY")) AND NOT (r."id" IS NEW."id");
END;
CREATE TRIGGER "synchro_updrepl_8e704428bf9adb7507b2" BEFORE UPDATE OF "id", "number" ON "shop_order" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Order */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Order', CAST(r."id" AS TEXT), 'D', '?', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_order" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY") OR (r."number" = NEW."number" COLLATE "BINARY")) AND NOT (r."id" = OLD."id");
END;
CREATE TRIGGER "synchro_ins_a57c937142d75caf127b" AFTER INSERT ON "shop_parcel" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Parcel */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Parcel', CAST(CASE WHEN length(NEW."id") = 32 AND NEW."id" NOT GLOB '*[^0-9a-f]*' THEN substr(NEW."id", 1, 8) || '-' || substr(NEW."id", 9, 4) || '-' || substr(NEW."id", 13, 4) || '-' || substr(NEW."id", 17, 4) || '-' || substr(NEW."id", 21, 12) ELSE NEW."id" END AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_upd_a57c937142d75caf127b" AFTER UPDATE ON "shop_parcel" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused') AND (OLD."id" IS NOT NEW."id" COLLATE BINARY OR OLD."order_id" IS NOT NEW."order_id" COLLATE BINARY OR OLD."packed_at" IS NOT NEW."packed_at" COLLATE BINARY)
BEGIN /* full shop.Parcel */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Parcel', CAST(CASE WHEN length(NEW."id") = 32 AND NEW."id" NOT GLOB '*[^0-9a-f]*' THEN substr(NEW."id", 1, 8) || '-' || substr(NEW."id", 9, 4) || '-' || substr(NEW."id", 13, 4) || '-' || substr(NEW."id", 17, 4) || '-' || substr(NEW."id", 21, 12) ELSE NEW."id" END AS TEXT), 'U', substr(CASE WHEN OLD."order_id" IS NOT NEW."order_id" COLLATE BINARY THEN ',order' ELSE '' END || CASE WHEN OLD."packed_at" IS NOT NEW."packed_at" COLLATE BINARY THEN ',packed_at' ELSE '' END, 2), NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE NOT (OLD."id" IS NOT NEW."id" COLLATE BINARY);
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Parcel', CAST(CASE WHEN length(OLD."id") = 32 AND OLD."id" NOT GLOB '*[^0-9a-f]*' THEN substr(OLD."id", 1, 8) || '-' || substr(OLD."id", 9, 4) || '-' || substr(OLD."id", 13, 4) || '-' || substr(OLD."id", 17, 4) || '-' || substr(OLD."id", 21, 12) ELSE OLD."id" END AS TEXT), 'D', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Parcel', CAST(CASE WHEN length(NEW."id") = 32 AND NEW."id" NOT GLOB '*[^0-9a-f]*' THEN substr(NEW."id", 1, 8) || '-' || substr(NEW."id", 9, 4) || '-' || substr(NEW."id", 13, 4) || '-' || substr(NEW."id", 17, 4) || '-' || substr(NEW."id", 21, 12) ELSE NEW."id" END AS TEXT), 'I', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  WHERE OLD."id" IS NOT NEW."id" COLLATE BINARY;
END;
CREATE TRIGGER "synchro_del_a57c937142d75caf127b" AFTER DELETE ON "shop_parcel" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Parcel */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Parcel', CAST(CASE WHEN length(OLD."id") = 32 AND OLD."id" NOT GLOB '*[^0-9a-f]*' THEN substr(OLD."id", 1, 8) || '-' || substr(OLD."id", 9, 4) || '-' || substr(OLD."id", 13, 4) || '-' || substr(OLD."id", 17, 4) || '-' || substr(OLD."id", 21, 12) ELSE OLD."id" END AS TEXT), 'D', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0;
END;
CREATE TRIGGER "synchro_repl_a57c937142d75caf127b" BEFORE INSERT ON "shop_parcel" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Parcel */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Parcel', CAST(CASE WHEN length(r."id") = 32 AND r."id" NOT GLOB '*[^0-9a-f]*' THEN substr(r."id", 1, 8) || '-' || substr(r."id", 9, 4) || '-' || substr(r."id", 13, 4) || '-' || substr(r."id", 17, 4) || '-' || substr(r."id", 21, 12) ELSE r."id" END AS TEXT), 'U', '', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_parcel" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY")) AND (r."id" IS NEW."id");
END;
CREATE TRIGGER "synchro_updrepl_a57c937142d75caf127b" BEFORE UPDATE OF "id" ON "shop_parcel" WHEN NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')
BEGIN /* full shop.Parcel */
  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT 'shop.Parcel', CAST(CASE WHEN length(r."id") = 32 AND r."id" NOT GLOB '*[^0-9a-f]*' THEN substr(r."id", 1, 8) || '-' || substr(r."id", 9, 4) || '-' || substr(r."id", 13, 4) || '-' || substr(r."id", 17, 4) || '-' || substr(r."id", 21, 12) ELSE r."id" END AS TEXT), 'D', '?', NULL,
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0
  FROM "shop_parcel" AS r
  WHERE ((r."id" = NEW."id" COLLATE "BINARY")) AND NOT (r."id" = OLD."id");
END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('django_migrations',4);
INSERT INTO "sqlite_sequence" VALUES('django_content_type',22);
INSERT INTO "sqlite_sequence" VALUES('synchro_triggers_changelog',33);
INSERT INTO "sqlite_sequence" VALUES('shop_customer',4);
INSERT INTO "sqlite_sequence" VALUES('shop_label',2);
INSERT INTO "sqlite_sequence" VALUES('shop_order',6);
INSERT INTO "sqlite_sequence" VALUES('shop_order_labels',7);
INSERT INTO "sqlite_sequence" VALUES('synchro_triggers_metnode',1);
INSERT INTO "sqlite_sequence" VALUES('synchro_triggers_run',5);
INSERT INTO "sqlite_sequence" VALUES('synchro_triggers_appliedtotal',10);
INSERT INTO "sqlite_sequence" VALUES('synchro_triggers_checkpoint',1);
INSERT INTO "sqlite_sequence" VALUES('synchro_triggers_introduction',2);
INSERT INTO "sqlite_sequence" VALUES('synchro_triggers_reference',2);
INSERT INTO "sqlite_sequence" VALUES('synchro_triggers_knowledge',1);
COMMIT;
