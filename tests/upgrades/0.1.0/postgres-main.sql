--
-- PostgreSQL database dump
--


-- Dumped from database version 16.14
-- Dumped by pg_dump version 16.14

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: synchro_del_01d6910b0f859873ef5b(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_del_01d6910b0f859873ef5b() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Customer', o."id"::text, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_old AS o;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_del_40225c1a05130c6b23d8(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_del_40225c1a05130c6b23d8() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    BEGIN
        PERFORM o."order_id", o."label_id" FROM synchro_old AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        
    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order_labels', o."id"::text, 'D', '', to_jsonb(o)::text, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_old AS o;
    RETURN NULL;

    END;

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order_labels', o."id"::text, 'D', '', (jsonb_build_object('order_id', o."order_id", 'label_id', o."label_id"))::text, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_old AS o;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_del_76a8a5d7744f4e23b5b0(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_del_76a8a5d7744f4e23b5b0() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    BEGIN
        PERFORM o."name" FROM synchro_old AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        
    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Label', o."id"::text, 'D', '', to_jsonb(o)::text, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_old AS o;
    RETURN NULL;

    END;

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Label', o."id"::text, 'D', '', (jsonb_build_object('name', o."name"))::text, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_old AS o;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_del_8e704428bf9adb7507b2(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_del_8e704428bf9adb7507b2() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order', o."id"::text, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_old AS o;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_del_a57c937142d75caf127b(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_del_a57c937142d75caf127b() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Parcel', o."id"::text, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_old AS o;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_ins_01d6910b0f859873ef5b(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_ins_01d6910b0f859873ef5b() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Customer', n."id"::text, 'I', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_new AS n;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_ins_40225c1a05130c6b23d8(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_ins_40225c1a05130c6b23d8() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order_labels', n."id"::text, 'I', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_new AS n;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_ins_76a8a5d7744f4e23b5b0(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_ins_76a8a5d7744f4e23b5b0() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Label', n."id"::text, 'I', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_new AS n;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_ins_8e704428bf9adb7507b2(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_ins_8e704428bf9adb7507b2() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order', n."id"::text, 'I', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_new AS n;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_ins_a57c937142d75caf127b(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_ins_a57c937142d75caf127b() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Parcel', n."id"::text, 'I', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM synchro_new AS n;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_trunc_01d6910b0f859873ef5b(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_trunc_01d6910b0f859873ef5b() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Customer', o."id"::text, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.shop_customer AS o;

    IF row_security_active(TG_RELID) THEN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

        SELECT 'shop.Customer', object_pk, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.synchro_triggers_changelog
         WHERE model_label = 'shop.Customer'
         GROUP BY object_pk
        HAVING max(id) IS DISTINCT FROM max(id) FILTER (WHERE operation = 'D');
    END IF;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_trunc_40225c1a05130c6b23d8(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_trunc_40225c1a05130c6b23d8() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    BEGIN
        PERFORM o."order_id", o."label_id" FROM public.shop_order_labels AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        
    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order_labels', o."id"::text, 'D', '', to_jsonb(o)::text, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.shop_order_labels AS o;

    IF row_security_active(TG_RELID) THEN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

        SELECT 'shop.Order_labels', object_pk, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.synchro_triggers_changelog
         WHERE model_label = 'shop.Order_labels'
         GROUP BY object_pk
        HAVING max(id) IS DISTINCT FROM max(id) FILTER (WHERE operation = 'D');
    END IF;
    RETURN NULL;

    END;

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order_labels', o."id"::text, 'D', '', (jsonb_build_object('order_id', o."order_id", 'label_id', o."label_id"))::text, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.shop_order_labels AS o;

    IF row_security_active(TG_RELID) THEN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

        SELECT 'shop.Order_labels', object_pk, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.synchro_triggers_changelog
         WHERE model_label = 'shop.Order_labels'
         GROUP BY object_pk
        HAVING max(id) IS DISTINCT FROM max(id) FILTER (WHERE operation = 'D');
    END IF;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_trunc_76a8a5d7744f4e23b5b0(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_trunc_76a8a5d7744f4e23b5b0() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    BEGIN
        PERFORM o."name" FROM public.shop_label AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        
    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Label', o."id"::text, 'D', '', to_jsonb(o)::text, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.shop_label AS o;

    IF row_security_active(TG_RELID) THEN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

        SELECT 'shop.Label', object_pk, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.synchro_triggers_changelog
         WHERE model_label = 'shop.Label'
         GROUP BY object_pk
        HAVING max(id) IS DISTINCT FROM max(id) FILTER (WHERE operation = 'D');
    END IF;
    RETURN NULL;

    END;

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Label', o."id"::text, 'D', '', (jsonb_build_object('name', o."name"))::text, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.shop_label AS o;

    IF row_security_active(TG_RELID) THEN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

        SELECT 'shop.Label', object_pk, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.synchro_triggers_changelog
         WHERE model_label = 'shop.Label'
         GROUP BY object_pk
        HAVING max(id) IS DISTINCT FROM max(id) FILTER (WHERE operation = 'D');
    END IF;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_trunc_8e704428bf9adb7507b2(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_trunc_8e704428bf9adb7507b2() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order', o."id"::text, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.shop_order AS o;

    IF row_security_active(TG_RELID) THEN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

        SELECT 'shop.Order', object_pk, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.synchro_triggers_changelog
         WHERE model_label = 'shop.Order'
         GROUP BY object_pk
        HAVING max(id) IS DISTINCT FROM max(id) FILTER (WHERE operation = 'D');
    END IF;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_trunc_a57c937142d75caf127b(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_trunc_a57c937142d75caf127b() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Parcel', o."id"::text, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.shop_parcel AS o;

    IF row_security_active(TG_RELID) THEN

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

        SELECT 'shop.Parcel', object_pk, 'D', '', NULL, coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current() FROM public.synchro_triggers_changelog
         WHERE model_label = 'shop.Parcel'
         GROUP BY object_pk
        HAVING max(id) IS DISTINCT FROM max(id) FILTER (WHERE operation = 'D');
    END IF;
    RETURN NULL;

END;
$$;


--
-- Name: synchro_upd_01d6910b0f859873ef5b(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_upd_01d6910b0f859873ef5b() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    BEGIN
        PERFORM o."id", o."name" FROM synchro_new AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        
    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Customer',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr('', 2) END,
           CASE WHEN n."id" IS NULL OR true THEN to_jsonb(o)::text END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR true;
    RETURN NULL;

    END;

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Customer',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr(CASE WHEN o."name" IS DISTINCT FROM n."name" THEN ',name' ELSE '' END, 2) END,
           CASE WHEN n."id" IS NULL OR false THEN NULL END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR o."name" IS DISTINCT FROM n."name";
    RETURN NULL;

END;
$$;


--
-- Name: synchro_upd_40225c1a05130c6b23d8(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_upd_40225c1a05130c6b23d8() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    BEGIN
        PERFORM o."id", o."order_id", o."label_id" FROM synchro_new AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        
    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order_labels',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr('', 2) END,
           CASE WHEN n."id" IS NULL OR true THEN to_jsonb(o)::text END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR true;
    RETURN NULL;

    END;

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order_labels',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr(CASE WHEN o."order_id" IS DISTINCT FROM n."order_id" THEN ',order' ELSE '' END || CASE WHEN o."label_id" IS DISTINCT FROM n."label_id" THEN ',label' ELSE '' END, 2) END,
           CASE WHEN n."id" IS NULL OR o."order_id" IS DISTINCT FROM n."order_id" OR o."label_id" IS DISTINCT FROM n."label_id" THEN (jsonb_build_object('order_id', o."order_id", 'label_id', o."label_id"))::text END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR o."order_id" IS DISTINCT FROM n."order_id" OR o."label_id" IS DISTINCT FROM n."label_id";
    RETURN NULL;

END;
$$;


--
-- Name: synchro_upd_76a8a5d7744f4e23b5b0(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_upd_76a8a5d7744f4e23b5b0() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    BEGIN
        PERFORM o."id", o."name" FROM synchro_new AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        
    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Label',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr('', 2) END,
           CASE WHEN n."id" IS NULL OR true THEN to_jsonb(o)::text END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR true;
    RETURN NULL;

    END;

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Label',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr(CASE WHEN o."name" IS DISTINCT FROM n."name" THEN ',name' ELSE '' END, 2) END,
           CASE WHEN n."id" IS NULL OR o."name" IS DISTINCT FROM n."name" THEN (jsonb_build_object('name', o."name"))::text END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR o."name" IS DISTINCT FROM n."name";
    RETURN NULL;

END;
$$;


--
-- Name: synchro_upd_8e704428bf9adb7507b2(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_upd_8e704428bf9adb7507b2() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    BEGIN
        PERFORM o."id", o."number", o."total", o."customer_id" FROM synchro_new AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        
    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr('', 2) END,
           CASE WHEN n."id" IS NULL OR true THEN to_jsonb(o)::text END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR true;
    RETURN NULL;

    END;

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Order',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr(CASE WHEN o."number" IS DISTINCT FROM n."number" THEN ',number' ELSE '' END || CASE WHEN o."total" IS DISTINCT FROM n."total" THEN ',total' ELSE '' END || CASE WHEN o."customer_id" IS DISTINCT FROM n."customer_id" THEN ',customer' ELSE '' END, 2) END,
           CASE WHEN n."id" IS NULL OR false THEN NULL END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR o."number" IS DISTINCT FROM n."number" OR o."total" IS DISTINCT FROM n."total" OR o."customer_id" IS DISTINCT FROM n."customer_id";
    RETURN NULL;

END;
$$;


--
-- Name: synchro_upd_a57c937142d75caf127b(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.synchro_upd_a57c937142d75caf127b() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN

    BEGIN
        PERFORM o."id", o."order_id", o."packed_at" FROM synchro_new AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        
    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Parcel',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr('', 2) END,
           CASE WHEN n."id" IS NULL OR true THEN to_jsonb(o)::text END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR true;
    RETURN NULL;

    END;

    INSERT INTO public.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)

    SELECT 'shop.Parcel',
           CASE WHEN n."id" IS NULL THEN o."id"::text ELSE n."id"::text END,
           CASE WHEN n."id" IS NULL THEN 'D' WHEN o."id" IS NULL THEN 'I' ELSE 'U' END,
           CASE WHEN n."id" IS NULL OR o."id" IS NULL THEN '' ELSE substr(CASE WHEN o."order_id" IS DISTINCT FROM n."order_id" THEN ',order' ELSE '' END || CASE WHEN o."packed_at" IS DISTINCT FROM n."packed_at" THEN ',packed_at' ELSE '' END, 2) END,
           CASE WHEN n."id" IS NULL OR false THEN NULL END,
           coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON o."id" = n."id"
     WHERE n."id" IS NULL OR o."id" IS NULL OR o."order_id" IS DISTINCT FROM n."order_id" OR o."packed_at" IS DISTINCT FROM n."packed_at";
    RETURN NULL;

END;
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: django_content_type; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.django_content_type (
    id integer NOT NULL,
    app_label character varying(100) NOT NULL,
    model character varying(100) NOT NULL
);


--
-- Name: django_content_type_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.django_content_type ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_content_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: django_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.django_migrations (
    id bigint NOT NULL,
    app character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL
);


--
-- Name: django_migrations_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.django_migrations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: shop_customer; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shop_customer (
    id bigint NOT NULL,
    name character varying(50) NOT NULL
);


--
-- Name: shop_customer_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.shop_customer ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.shop_customer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: shop_label; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shop_label (
    id bigint NOT NULL,
    name character varying(50) NOT NULL
);


--
-- Name: shop_label_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.shop_label ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.shop_label_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: shop_order; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shop_order (
    id bigint NOT NULL,
    number integer NOT NULL,
    total numeric(10,2) NOT NULL,
    customer_id bigint NOT NULL
);


--
-- Name: shop_order_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.shop_order ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.shop_order_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: shop_order_labels; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shop_order_labels (
    id bigint NOT NULL,
    order_id bigint NOT NULL,
    label_id bigint NOT NULL
);


--
-- Name: shop_order_labels_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.shop_order_labels ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.shop_order_labels_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: shop_parcel; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shop_parcel (
    id uuid NOT NULL,
    packed_at timestamp with time zone,
    order_id bigint NOT NULL
);


--
-- Name: synchro_triggers_appliedtotal; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_appliedtotal (
    id bigint NOT NULL,
    remote character varying(255) NOT NULL,
    direction character varying(4) NOT NULL,
    model_label character varying(200) NOT NULL,
    operation character varying(10) NOT NULL,
    number bigint NOT NULL
);


--
-- Name: synchro_triggers_appliedtotal_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_appliedtotal ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_appliedtotal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_arrival; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_arrival (
    id bigint NOT NULL,
    source character varying(36) NOT NULL,
    seen bigint NOT NULL,
    brought text NOT NULL,
    gone text NOT NULL
);


--
-- Name: synchro_triggers_arrival_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_arrival ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_arrival_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_changelog; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_changelog (
    id bigint NOT NULL,
    model_label character varying(200) NOT NULL,
    object_pk text NOT NULL,
    operation character varying(1) NOT NULL,
    changed_fields text NOT NULL,
    old_values text,
    origin character varying(36) NOT NULL,
    logged_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    txid bigint DEFAULT txid_current() NOT NULL
);


--
-- Name: synchro_triggers_changelog_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_changelog ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_changelog_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_checkpoint; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_checkpoint (
    id bigint NOT NULL,
    source character varying(36) NOT NULL,
    "position" text NOT NULL,
    window_end text NOT NULL,
    window_after bigint NOT NULL,
    came_with bigint,
    since timestamp with time zone,
    last_check timestamp with time zone,
    last_row text NOT NULL,
    last_window text NOT NULL,
    place text NOT NULL,
    number bigint NOT NULL,
    passed bigint NOT NULL,
    lacks text NOT NULL,
    unlogged text NOT NULL,
    whole text NOT NULL,
    left_out text NOT NULL,
    looked text NOT NULL,
    run_id character varying(36) NOT NULL,
    run_host character varying(255) NOT NULL,
    run_pid bigint,
    run_started timestamp with time zone,
    run_seen timestamp with time zone
);


--
-- Name: synchro_triggers_checkpoint_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_checkpoint ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_checkpoint_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_conflict; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_conflict (
    id bigint NOT NULL,
    source character varying(36) NOT NULL,
    model_label character varying(200) NOT NULL,
    local_pk character varying(500) NOT NULL,
    local_text text,
    remote_pk character varying(500) NOT NULL,
    remote_text text,
    kind character varying(20) NOT NULL,
    local_values text,
    remote_values text,
    merged_values text,
    local_author character varying(36) NOT NULL,
    remote_author character varying(36) NOT NULL,
    local_at timestamp with time zone,
    remote_at timestamp with time zone,
    rule text NOT NULL,
    result character varying(10) NOT NULL,
    decided_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    taken character varying(10) NOT NULL,
    taken_at timestamp with time zone
);


--
-- Name: synchro_triggers_conflict_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_conflict ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_conflict_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_conflicttotal; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_conflicttotal (
    id bigint NOT NULL,
    source character varying(36) NOT NULL,
    rule text NOT NULL,
    number bigint NOT NULL
);


--
-- Name: synchro_triggers_conflicttotal_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_conflicttotal ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_conflicttotal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_contribution; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_contribution (
    id bigint NOT NULL,
    author character varying(36) NOT NULL,
    counter character varying(200) NOT NULL,
    object_pk character varying(500) NOT NULL,
    amount text NOT NULL,
    number bigint NOT NULL,
    "row" bigint NOT NULL,
    seen bigint DEFAULT 0 NOT NULL
);


--
-- Name: synchro_triggers_contribution_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_contribution ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_contribution_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_failure; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_failure (
    id bigint NOT NULL,
    source character varying(36) NOT NULL,
    model_label character varying(200) NOT NULL,
    object_pk character varying(500) NOT NULL,
    object_text text,
    operation character varying(1) NOT NULL,
    old_values text,
    other_rows text,
    logged_at timestamp with time zone NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    first_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    last_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    runs integer NOT NULL,
    next_at timestamp with time zone,
    waits_label character varying(200) NOT NULL,
    waits_pk character varying(500) NOT NULL,
    CONSTRAINT synchro_triggers_failure_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT synchro_triggers_failure_runs_check CHECK ((runs >= 0))
);


--
-- Name: synchro_triggers_failure_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_failure ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_failure_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_introduction; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_introduction (
    id bigint NOT NULL,
    source character varying(36) NOT NULL,
    model_label character varying(200) NOT NULL,
    word character varying(10) NOT NULL,
    up_to bigint NOT NULL,
    keys text NOT NULL
);


--
-- Name: synchro_triggers_introduction_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_introduction ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_introduction_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_knowledge; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_knowledge (
    id bigint NOT NULL,
    author character varying(36) NOT NULL,
    model_label character varying(200) NOT NULL,
    number bigint NOT NULL,
    came_with bigint DEFAULT 0 NOT NULL
);


--
-- Name: synchro_triggers_knowledge_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_knowledge ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_knowledge_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_metnode; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_metnode (
    id bigint NOT NULL,
    alias character varying(255) NOT NULL,
    node_id character varying(36) NOT NULL,
    "position" text NOT NULL
);


--
-- Name: synchro_triggers_metnode_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_metnode ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_metnode_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_node; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_node (
    id smallint NOT NULL,
    node_id character varying(36) NOT NULL,
    fingerprint text NOT NULL,
    copied_from text NOT NULL,
    succeeds text NOT NULL,
    pruned_to bigint NOT NULL,
    forgotten text NOT NULL,
    counting character varying(36) NOT NULL,
    adopted text NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    CONSTRAINT synchro_triggers_node_id_check CHECK ((id >= 0))
);


--
-- Name: synchro_triggers_reference; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_reference (
    id bigint NOT NULL,
    source character varying(36) NOT NULL,
    model_label character varying(200) NOT NULL,
    local_pk character varying(500) NOT NULL,
    ended bigint DEFAULT 0 NOT NULL,
    remote_pk character varying(500) NOT NULL,
    gone bigint,
    local_text text,
    remote_text text,
    logged bigint,
    met_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    remote_won boolean DEFAULT false NOT NULL,
    replaced_at timestamp with time zone,
    author character varying(36),
    number bigint,
    "time" bigint,
    seen bigint,
    fields text,
    came_with bigint,
    upon text
);


--
-- Name: synchro_triggers_reference_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_reference ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_reference_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_run; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_run (
    id bigint NOT NULL,
    remote character varying(255) NOT NULL,
    remote_node character varying(36) NOT NULL,
    direction character varying(4) NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome character varying(20) NOT NULL,
    error text NOT NULL,
    written bigint NOT NULL,
    deleted bigint NOT NULL,
    links bigint NOT NULL,
    kept bigint NOT NULL,
    conflicts bigint NOT NULL,
    begun_by character varying(255) NOT NULL,
    host character varying(255) NOT NULL,
    pid bigint NOT NULL
);


--
-- Name: synchro_triggers_run_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_run ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_sessionvalue; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_sessionvalue (
    key character varying(30) NOT NULL,
    value text NOT NULL
);


--
-- Name: synchro_triggers_userschange; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_userschange (
    id bigint NOT NULL,
    model_label character varying(200) NOT NULL,
    object_pk character varying(500) NOT NULL,
    "row" bigint NOT NULL
);


--
-- Name: synchro_triggers_userschange_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.synchro_triggers_userschange ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.synchro_triggers_userschange_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: synchro_triggers_window; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.synchro_triggers_window (
    number bigint NOT NULL,
    "position" text NOT NULL,
    closed_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL
);


--
-- Data for Name: django_content_type; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.django_content_type VALUES (1, 'contenttypes', 'contenttype');
INSERT INTO public.django_content_type VALUES (2, 'synchro_triggers', 'changelog');
INSERT INTO public.django_content_type VALUES (3, 'synchro_triggers', 'checkpoint');
INSERT INTO public.django_content_type VALUES (4, 'synchro_triggers', 'node');
INSERT INTO public.django_content_type VALUES (5, 'synchro_triggers', 'metnode');
INSERT INTO public.django_content_type VALUES (6, 'synchro_triggers', 'sessionvalue');
INSERT INTO public.django_content_type VALUES (7, 'synchro_triggers', 'window');
INSERT INTO public.django_content_type VALUES (8, 'synchro_triggers', 'knowledge');
INSERT INTO public.django_content_type VALUES (9, 'synchro_triggers', 'arrival');
INSERT INTO public.django_content_type VALUES (10, 'synchro_triggers', 'contribution');
INSERT INTO public.django_content_type VALUES (11, 'synchro_triggers', 'userschange');
INSERT INTO public.django_content_type VALUES (12, 'synchro_triggers', 'failure');
INSERT INTO public.django_content_type VALUES (13, 'synchro_triggers', 'introduction');
INSERT INTO public.django_content_type VALUES (14, 'synchro_triggers', 'reference');
INSERT INTO public.django_content_type VALUES (15, 'synchro_triggers', 'conflict');
INSERT INTO public.django_content_type VALUES (16, 'synchro_triggers', 'run');
INSERT INTO public.django_content_type VALUES (17, 'synchro_triggers', 'appliedtotal');
INSERT INTO public.django_content_type VALUES (18, 'synchro_triggers', 'conflicttotal');
INSERT INTO public.django_content_type VALUES (19, 'shop', 'customer');
INSERT INTO public.django_content_type VALUES (20, 'shop', 'label');
INSERT INTO public.django_content_type VALUES (21, 'shop', 'order');
INSERT INTO public.django_content_type VALUES (22, 'shop', 'parcel');


--
-- Data for Name: django_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.django_migrations VALUES (1, 'contenttypes', '0001_initial', '2026-11-28 03:39:35.593739+00');
INSERT INTO public.django_migrations VALUES (2, 'contenttypes', '0002_remove_content_type_name', '2026-11-28 03:39:35.609773+00');
INSERT INTO public.django_migrations VALUES (3, 'shop', '0001_initial', '2026-11-28 03:39:35.684877+00');
INSERT INTO public.django_migrations VALUES (4, 'synchro_triggers', '0001_initial', '2026-11-28 03:39:35.88156+00');


--
-- Data for Name: shop_customer; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shop_customer VALUES (1, 'of main');
INSERT INTO public.shop_customer VALUES (2, 'Ann');
INSERT INTO public.shop_customer VALUES (3, 'Bob');
INSERT INTO public.shop_customer VALUES (4, 'Cid');
INSERT INTO public.shop_customer VALUES (5, 'Eve');


--
-- Data for Name: shop_label; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shop_label VALUES (1, 'new');
INSERT INTO public.shop_label VALUES (2, 'paid');


--
-- Data for Name: shop_order; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shop_order VALUES (1, 1, 10.50, 2);
INSERT INTO public.shop_order VALUES (5, 50, 1.00, 1);
INSERT INTO public.shop_order VALUES (3, 3, 33.00, 2);
INSERT INTO public.shop_order VALUES (2, 2, 8.00, 2);


--
-- Data for Name: shop_order_labels; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shop_order_labels VALUES (1, 1, 1);
INSERT INTO public.shop_order_labels VALUES (2, 2, 1);
INSERT INTO public.shop_order_labels VALUES (3, 3, 1);


--
-- Data for Name: shop_parcel; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shop_parcel VALUES ('00000000-0000-0000-0000-000000000001', '2026-01-02 03:04:05.678901+00', 1);
INSERT INTO public.shop_parcel VALUES ('00000000-0000-0000-0000-000000000002', '2026-01-02 03:04:05.678901+00', 2);
INSERT INTO public.shop_parcel VALUES ('00000000-0000-0000-0000-000000000003', '2026-01-02 03:04:05.678901+00', 3);


--
-- Data for Name: synchro_triggers_appliedtotal; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: synchro_triggers_arrival; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: synchro_triggers_changelog; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.synchro_triggers_changelog VALUES (1, 'shop.Customer', '1', 'I', '', NULL, '', '2026-11-28 03:39:37.024223+00', 756);
INSERT INTO public.synchro_triggers_changelog VALUES (2, 'shop.Customer', '2', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:37.964725+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (3, 'shop.Customer', '3', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:37.964795+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (4, 'shop.Customer', '4', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:37.964799+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (5, 'shop.Order', '1', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:37.980524+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (6, 'shop.Order', '2', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:37.980543+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (7, 'shop.Order', '3', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:37.980546+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (8, 'shop.Order', '4', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:37.980548+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (9, 'shop.Label', '1', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.018702+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (10, 'shop.Label', '2', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.018728+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (11, 'shop.Parcel', '00000000-0000-0000-0000-000000000001', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.025583+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (12, 'shop.Parcel', '00000000-0000-0000-0000-000000000002', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.025612+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (13, 'shop.Parcel', '00000000-0000-0000-0000-000000000003', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.025616+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (14, 'shop.Parcel', '00000000-0000-0000-0000-000000000004', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.025619+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (15, 'shop.Order_labels', '1', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.029037+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (16, 'shop.Order_labels', '2', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.029056+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (17, 'shop.Order_labels', '3', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.02906+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (18, 'shop.Order_labels', '4', 'I', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:38.029062+00', 781);
INSERT INTO public.synchro_triggers_changelog VALUES (19, 'shop.Order', '1', 'U', 'total', NULL, '', '2026-11-28 03:39:38.909662+00', 805);
INSERT INTO public.synchro_triggers_changelog VALUES (20, 'shop.Parcel', '00000000-0000-0000-0000-000000000004', 'D', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:40.114652+00', 810);
INSERT INTO public.synchro_triggers_changelog VALUES (21, 'shop.Order_labels', '4', 'D', '', '{"label_id": 1, "order_id": 4}', '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:40.124111+00', 810);
INSERT INTO public.synchro_triggers_changelog VALUES (22, 'shop.Order', '4', 'D', '', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:40.125229+00', 810);
INSERT INTO public.synchro_triggers_changelog VALUES (23, 'shop.Order', '1', 'U', 'total', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '2026-11-28 03:39:40.135085+00', 810);
INSERT INTO public.synchro_triggers_changelog VALUES (24, 'shop.Order', '5', 'I', '', NULL, '', '2026-11-28 03:39:40.842276+00', 824);
INSERT INTO public.synchro_triggers_changelog VALUES (25, 'shop.Customer', '5', 'I', '', NULL, '', '2026-11-28 03:39:42.824295+00', 845);
INSERT INTO public.synchro_triggers_changelog VALUES (26, 'shop.Order', '3', 'U', 'total', NULL, '', '2026-11-28 03:39:42.830046+00', 846);
INSERT INTO public.synchro_triggers_changelog VALUES (27, 'shop.Order', '2', 'U', 'total', NULL, '', '2026-11-28 03:39:42.832427+00', 848);


--
-- Data for Name: synchro_triggers_checkpoint; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.synchro_triggers_checkpoint VALUES (1, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '827:827:#23@1:31075416:1795837173925537:0', '', 0, NULL, NULL, '2026-11-28 03:39:41.816315+00', '23|1795837180.869577|shop.Order|5', '808:808:#22@1:31063600:1795837173925537:0|827:827:#23@1:31075416:1795837173925537:0|23|23|1|23|1795837180869577', '7713061926276171473/16384', 2, 2, '', '', '', '', '', '', '', NULL, NULL, NULL);


--
-- Data for Name: synchro_triggers_conflict; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.synchro_triggers_conflict VALUES (1, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Order', '1', NULL, '1', NULL, 'update/update', '{"number": 1, "total": "10.50", "customer": 2}', '{"number": 1, "total": "20.50", "customer": 2}', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '3afb664f-0776-483c-98ab-1f2845ad4b32', '2026-11-28 03:39:38.890009+00', '2026-11-28 03:39:38.909662+00', 'local', 'local', '2026-11-28 03:39:40.163178+00', '', NULL);
INSERT INTO public.synchro_triggers_conflict VALUES (2, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Order', '5', NULL, '5', NULL, 'unique', '{"number": 50, "total": "2.00", "customer": 2}', '{"number": 50, "total": "1.00", "customer": 1}', NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '3afb664f-0776-483c-98ab-1f2845ad4b32', '2026-11-28 03:39:40.869577+00', '2026-11-28 03:39:40.842276+00', 'unique', 'remote', '2026-11-28 03:39:42.042502+00', '', NULL);


--
-- Data for Name: synchro_triggers_conflicttotal; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: synchro_triggers_contribution; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: synchro_triggers_failure; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.synchro_triggers_failure VALUES (1, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Order', '5', NULL, 'I', NULL, NULL, '2026-11-28 03:39:40.869577+00', 'IntegrityError: duplicate key value violates unique constraint "shop_order_number_key" DETAIL: Key (number)=(50) already exists.; unique number=50 is taken on ''main'' by shop.Order 5, which stays there. If they are one object, say so with SYNCHRO_OPTIONS = {''shop.Order'': {''natural_key'': (''number'',)}}, and run synchro_install_triggers', 2, '2026-11-28 03:39:42.051509+00', '2026-11-28 03:39:42.15701+00', 1, NULL, '', '');


--
-- Data for Name: synchro_triggers_introduction; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.synchro_triggers_introduction VALUES (1, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Customer', 'logged', 3, '1-3');
INSERT INTO public.synchro_triggers_introduction VALUES (2, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Order', 'unclaimed', 4, '1-4');


--
-- Data for Name: synchro_triggers_knowledge; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: synchro_triggers_metnode; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.synchro_triggers_metnode VALUES (1, 'default', '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', '816:816:#23@1:31070936:1795837173925537:0');


--
-- Data for Name: synchro_triggers_node; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.synchro_triggers_node VALUES (1, '3afb664f-0776-483c-98ab-1f2845ad4b32', '7713061926276171473/16385', '', '', 0, '', '', '', '2026-11-28 03:39:36.012386+00');


--
-- Data for Name: synchro_triggers_reference; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.synchro_triggers_reference VALUES (1, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Customer', '1', 0, '2', NULL, NULL, NULL, 1, '2026-11-28 03:39:37.965183+00', false, NULL, NULL, 1, 1795837177034481, 4, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (2, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Customer', '2', 0, '3', NULL, NULL, NULL, 2, '2026-11-28 03:39:37.965183+00', false, NULL, NULL, 1, 1795837177040249, 4, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (3, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Customer', '3', 0, '4', NULL, NULL, NULL, 3, '2026-11-28 03:39:37.965183+00', false, NULL, NULL, 1, 1795837177042299, 4, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (5, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Order', '2', 0, '2', NULL, NULL, NULL, 9, '2026-11-28 03:39:37.98082+00', false, NULL, NULL, 1, 1795837177056457, 8, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (6, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Order', '3', 0, '3', NULL, NULL, NULL, 12, '2026-11-28 03:39:37.98082+00', false, NULL, NULL, 1, 1795837177058375, 8, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (8, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Label', '1', 0, '1', NULL, NULL, NULL, 4, '2026-11-28 03:39:38.036076+00', false, NULL, NULL, 1, 1795837177043275, 18, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (9, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Label', '2', 0, '2', NULL, NULL, NULL, 5, '2026-11-28 03:39:38.036076+00', false, NULL, NULL, 1, 1795837177043631, 18, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (10, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Parcel', '00000000-0000-0000-0000-000000000001', 0, '00000000-0000-0000-0000-000000000001', NULL, NULL, NULL, 8, '2026-11-28 03:39:38.036368+00', false, NULL, NULL, 1, 1795837177052216, 18, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (11, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Parcel', '00000000-0000-0000-0000-000000000002', 0, '00000000-0000-0000-0000-000000000002', NULL, NULL, NULL, 11, '2026-11-28 03:39:38.036368+00', false, NULL, NULL, 1, 1795837177058074, 18, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (12, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Parcel', '00000000-0000-0000-0000-000000000003', 0, '00000000-0000-0000-0000-000000000003', NULL, NULL, NULL, 14, '2026-11-28 03:39:38.036368+00', false, NULL, NULL, 1, 1795837177059074, 18, NULL, NULL, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (7, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Order', '4', 22, 'gone:4', 0, NULL, NULL, 15, '2026-11-28 03:39:37.98082+00', false, NULL, NULL, 1, 1795837178935978, 23, NULL, 3537554989769200246, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (14, '*', 'shop.Parcel', '00000000-0000-0000-0000-000000000004', 0, 'gone:00000000-0000-0000-0000-000000000004', 0, NULL, NULL, NULL, '2026-11-28 03:39:40.152863+00', false, NULL, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 1, 1795837178932170, 23, NULL, 3537554989769200246, NULL);
INSERT INTO public.synchro_triggers_reference VALUES (4, '268da8f7-d4bf-4310-a6f7-c7bea52f5e0d', 'shop.Order', '1', 0, '1', NULL, NULL, NULL, 6, '2026-11-28 03:39:40.156061+00', false, NULL, NULL, 1, 1795837178890009, 23, NULL, 3537554989769200246, NULL);


--
-- Data for Name: synchro_triggers_run; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: synchro_triggers_sessionvalue; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: synchro_triggers_userschange; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: synchro_triggers_window; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.synchro_triggers_window VALUES (1, '791:791:#18@1:31054248:1795837173925537:0', '2026-11-28 03:39:38.138743+00');
INSERT INTO public.synchro_triggers_window VALUES (2, '816:816:#23@1:31070936:1795837173925537:0', '2026-11-28 03:39:40.328663+00');


--
-- Name: django_content_type_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.django_content_type_id_seq', 22, true);


--
-- Name: django_migrations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.django_migrations_id_seq', 4, true);


--
-- Name: shop_customer_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.shop_customer_id_seq', 5, true);


--
-- Name: shop_label_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.shop_label_id_seq', 2, true);


--
-- Name: shop_order_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.shop_order_id_seq', 9, true);


--
-- Name: shop_order_labels_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.shop_order_labels_id_seq', 4, true);


--
-- Name: synchro_triggers_appliedtotal_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_appliedtotal_id_seq', 1, false);


--
-- Name: synchro_triggers_arrival_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_arrival_id_seq', 3, true);


--
-- Name: synchro_triggers_changelog_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_changelog_id_seq', 27, true);


--
-- Name: synchro_triggers_checkpoint_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_checkpoint_id_seq', 1, true);


--
-- Name: synchro_triggers_conflict_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_conflict_id_seq', 2, true);


--
-- Name: synchro_triggers_conflicttotal_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_conflicttotal_id_seq', 1, false);


--
-- Name: synchro_triggers_contribution_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_contribution_id_seq', 1, false);


--
-- Name: synchro_triggers_failure_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_failure_id_seq', 1, true);


--
-- Name: synchro_triggers_introduction_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_introduction_id_seq', 2, true);


--
-- Name: synchro_triggers_knowledge_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_knowledge_id_seq', 1, true);


--
-- Name: synchro_triggers_metnode_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_metnode_id_seq', 1, true);


--
-- Name: synchro_triggers_reference_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_reference_id_seq', 14, true);


--
-- Name: synchro_triggers_run_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_run_id_seq', 1, false);


--
-- Name: synchro_triggers_userschange_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.synchro_triggers_userschange_id_seq', 1, false);


--
-- Name: django_content_type django_content_type_app_label_model_76bd3d3b_uniq; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_app_label_model_76bd3d3b_uniq UNIQUE (app_label, model);


--
-- Name: django_content_type django_content_type_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_pkey PRIMARY KEY (id);


--
-- Name: django_migrations django_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.django_migrations
    ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);


--
-- Name: shop_customer shop_customer_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_customer
    ADD CONSTRAINT shop_customer_pkey PRIMARY KEY (id);


--
-- Name: shop_label shop_label_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_label
    ADD CONSTRAINT shop_label_name_key UNIQUE (name);


--
-- Name: shop_label shop_label_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_label
    ADD CONSTRAINT shop_label_pkey PRIMARY KEY (id);


--
-- Name: shop_order_labels shop_order_labels_order_id_label_id_e79ae24f_uniq; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_order_labels
    ADD CONSTRAINT shop_order_labels_order_id_label_id_e79ae24f_uniq UNIQUE (order_id, label_id);


--
-- Name: shop_order_labels shop_order_labels_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_order_labels
    ADD CONSTRAINT shop_order_labels_pkey PRIMARY KEY (id);


--
-- Name: shop_order shop_order_number_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_order
    ADD CONSTRAINT shop_order_number_key UNIQUE (number);


--
-- Name: shop_order shop_order_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_order
    ADD CONSTRAINT shop_order_pkey PRIMARY KEY (id);


--
-- Name: shop_parcel shop_parcel_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_parcel
    ADD CONSTRAINT shop_parcel_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_appliedtotal synchro_triggers_appliedtotal_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_appliedtotal
    ADD CONSTRAINT synchro_triggers_appliedtotal_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_arrival synchro_triggers_arrival_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_arrival
    ADD CONSTRAINT synchro_triggers_arrival_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_changelog synchro_triggers_changelog_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_changelog
    ADD CONSTRAINT synchro_triggers_changelog_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_checkpoint synchro_triggers_checkpoint_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_checkpoint
    ADD CONSTRAINT synchro_triggers_checkpoint_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_checkpoint synchro_triggers_checkpoint_source_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_checkpoint
    ADD CONSTRAINT synchro_triggers_checkpoint_source_key UNIQUE (source);


--
-- Name: synchro_triggers_conflict synchro_triggers_conflict_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_conflict
    ADD CONSTRAINT synchro_triggers_conflict_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_conflicttotal synchro_triggers_conflicttotal_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_conflicttotal
    ADD CONSTRAINT synchro_triggers_conflicttotal_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_contribution synchro_triggers_contributed; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_contribution
    ADD CONSTRAINT synchro_triggers_contributed UNIQUE (object_pk, counter, author);


--
-- Name: synchro_triggers_contribution synchro_triggers_contribution_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_contribution
    ADD CONSTRAINT synchro_triggers_contribution_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_failure synchro_triggers_failure_object; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_failure
    ADD CONSTRAINT synchro_triggers_failure_object UNIQUE (source, model_label, object_pk);


--
-- Name: synchro_triggers_failure synchro_triggers_failure_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_failure
    ADD CONSTRAINT synchro_triggers_failure_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_introduction synchro_triggers_introduced; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_introduction
    ADD CONSTRAINT synchro_triggers_introduced UNIQUE (source, model_label);


--
-- Name: synchro_triggers_introduction synchro_triggers_introduction_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_introduction
    ADD CONSTRAINT synchro_triggers_introduction_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_knowledge synchro_triggers_knowledge_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_knowledge
    ADD CONSTRAINT synchro_triggers_knowledge_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_knowledge synchro_triggers_known; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_knowledge
    ADD CONSTRAINT synchro_triggers_known UNIQUE (author, model_label, came_with);


--
-- Name: synchro_triggers_metnode synchro_triggers_met_node; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_metnode
    ADD CONSTRAINT synchro_triggers_met_node UNIQUE (alias, node_id);


--
-- Name: synchro_triggers_metnode synchro_triggers_metnode_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_metnode
    ADD CONSTRAINT synchro_triggers_metnode_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_node synchro_triggers_node_node_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_node
    ADD CONSTRAINT synchro_triggers_node_node_id_key UNIQUE (node_id);


--
-- Name: synchro_triggers_node synchro_triggers_node_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_node
    ADD CONSTRAINT synchro_triggers_node_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_reference synchro_triggers_ref_local; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_reference
    ADD CONSTRAINT synchro_triggers_ref_local UNIQUE (local_pk, model_label, source, ended);


--
-- Name: synchro_triggers_reference synchro_triggers_reference_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_reference
    ADD CONSTRAINT synchro_triggers_reference_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_run synchro_triggers_run_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_run
    ADD CONSTRAINT synchro_triggers_run_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_sessionvalue synchro_triggers_sessionvalue_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_sessionvalue
    ADD CONSTRAINT synchro_triggers_sessionvalue_pkey PRIMARY KEY (key);


--
-- Name: synchro_triggers_userschange synchro_triggers_users_change; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_userschange
    ADD CONSTRAINT synchro_triggers_users_change UNIQUE (object_pk, model_label);


--
-- Name: synchro_triggers_userschange synchro_triggers_userschange_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_userschange
    ADD CONSTRAINT synchro_triggers_userschange_pkey PRIMARY KEY (id);


--
-- Name: synchro_triggers_window synchro_triggers_window_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.synchro_triggers_window
    ADD CONSTRAINT synchro_triggers_window_pkey PRIMARY KEY (number);


--
-- Name: shop_label_name_dfc4ebab_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX shop_label_name_dfc4ebab_like ON public.shop_label USING btree (name varchar_pattern_ops);


--
-- Name: shop_order_customer_id_f638df20; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX shop_order_customer_id_f638df20 ON public.shop_order USING btree (customer_id);


--
-- Name: shop_order_labels_label_id_35cd9920; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX shop_order_labels_label_id_35cd9920 ON public.shop_order_labels USING btree (label_id);


--
-- Name: shop_order_labels_order_id_d9557e95; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX shop_order_labels_order_id_d9557e95 ON public.shop_order_labels USING btree (order_id);


--
-- Name: shop_parcel_order_id_8d7a56a5; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX shop_parcel_order_id_8d7a56a5 ON public.shop_parcel USING btree (order_id);


--
-- Name: synchro_triggers_checkpoint_source_8bbc8506_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX synchro_triggers_checkpoint_source_8bbc8506_like ON public.synchro_triggers_checkpoint USING btree (source varchar_pattern_ops);


--
-- Name: synchro_triggers_log_when; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX synchro_triggers_log_when ON public.synchro_triggers_changelog USING brin (txid, logged_at) WITH (autosummarize='on', pages_per_range='32');


--
-- Name: synchro_triggers_node_node_id_c1d23484_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX synchro_triggers_node_node_id_c1d23484_like ON public.synchro_triggers_node USING btree (node_id varchar_pattern_ops);


--
-- Name: synchro_triggers_ref_remote; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX synchro_triggers_ref_remote ON public.synchro_triggers_reference USING btree (remote_pk, model_label, source);


--
-- Name: synchro_triggers_run_ended; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX synchro_triggers_run_ended ON public.synchro_triggers_run USING btree (remote, direction, ended_at);


--
-- Name: synchro_triggers_sessionvalue_key_afbff78e_like; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX synchro_triggers_sessionvalue_key_afbff78e_like ON public.synchro_triggers_sessionvalue USING btree (key varchar_pattern_ops);


--
-- Name: shop_customer synchro_del_01d6910b0f859873ef5b; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_del_01d6910b0f859873ef5b AFTER DELETE ON public.shop_customer REFERENCING OLD TABLE AS synchro_old FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_del_01d6910b0f859873ef5b('shop.Customer');


--
-- Name: TRIGGER synchro_del_01d6910b0f859873ef5b ON shop_customer; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_del_01d6910b0f859873ef5b ON public.shop_customer IS 'f1414c21e07d67ba51f97ddbdb5912167e64933b';


--
-- Name: shop_order_labels synchro_del_40225c1a05130c6b23d8; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_del_40225c1a05130c6b23d8 AFTER DELETE ON public.shop_order_labels REFERENCING OLD TABLE AS synchro_old FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_del_40225c1a05130c6b23d8('shop.Order_labels');


--
-- Name: TRIGGER synchro_del_40225c1a05130c6b23d8 ON shop_order_labels; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_del_40225c1a05130c6b23d8 ON public.shop_order_labels IS '5fd09b1d4ef95205a2de0695fe71791fed91d668';


--
-- Name: shop_label synchro_del_76a8a5d7744f4e23b5b0; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_del_76a8a5d7744f4e23b5b0 AFTER DELETE ON public.shop_label REFERENCING OLD TABLE AS synchro_old FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_del_76a8a5d7744f4e23b5b0('shop.Label');


--
-- Name: TRIGGER synchro_del_76a8a5d7744f4e23b5b0 ON shop_label; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_del_76a8a5d7744f4e23b5b0 ON public.shop_label IS 'd578e8e96b5419bbe32d87f13974e7e3654545f5';


--
-- Name: shop_order synchro_del_8e704428bf9adb7507b2; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_del_8e704428bf9adb7507b2 AFTER DELETE ON public.shop_order REFERENCING OLD TABLE AS synchro_old FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_del_8e704428bf9adb7507b2('shop.Order');


--
-- Name: TRIGGER synchro_del_8e704428bf9adb7507b2 ON shop_order; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_del_8e704428bf9adb7507b2 ON public.shop_order IS 'bad7041012328a76d3216f271db6bf21c2de56bf';


--
-- Name: shop_parcel synchro_del_a57c937142d75caf127b; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_del_a57c937142d75caf127b AFTER DELETE ON public.shop_parcel REFERENCING OLD TABLE AS synchro_old FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_del_a57c937142d75caf127b('shop.Parcel');


--
-- Name: TRIGGER synchro_del_a57c937142d75caf127b ON shop_parcel; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_del_a57c937142d75caf127b ON public.shop_parcel IS '80bddc639c290e096fba76d64a73be112407f405';


--
-- Name: shop_customer synchro_ins_01d6910b0f859873ef5b; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_ins_01d6910b0f859873ef5b AFTER INSERT ON public.shop_customer REFERENCING NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_ins_01d6910b0f859873ef5b('shop.Customer');


--
-- Name: TRIGGER synchro_ins_01d6910b0f859873ef5b ON shop_customer; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_ins_01d6910b0f859873ef5b ON public.shop_customer IS '9d8f9fcc495cdf0d84ea6e301702db3a5857288a';


--
-- Name: shop_order_labels synchro_ins_40225c1a05130c6b23d8; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_ins_40225c1a05130c6b23d8 AFTER INSERT ON public.shop_order_labels REFERENCING NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_ins_40225c1a05130c6b23d8('shop.Order_labels');


--
-- Name: TRIGGER synchro_ins_40225c1a05130c6b23d8 ON shop_order_labels; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_ins_40225c1a05130c6b23d8 ON public.shop_order_labels IS '79ef8ca5bb21d1eb5b86bd68b29cad28e4a5fccf';


--
-- Name: shop_label synchro_ins_76a8a5d7744f4e23b5b0; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_ins_76a8a5d7744f4e23b5b0 AFTER INSERT ON public.shop_label REFERENCING NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_ins_76a8a5d7744f4e23b5b0('shop.Label');


--
-- Name: TRIGGER synchro_ins_76a8a5d7744f4e23b5b0 ON shop_label; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_ins_76a8a5d7744f4e23b5b0 ON public.shop_label IS '7fda04ba33c866afdc737fcf3c9a36cd4aa78642';


--
-- Name: shop_order synchro_ins_8e704428bf9adb7507b2; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_ins_8e704428bf9adb7507b2 AFTER INSERT ON public.shop_order REFERENCING NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_ins_8e704428bf9adb7507b2('shop.Order');


--
-- Name: TRIGGER synchro_ins_8e704428bf9adb7507b2 ON shop_order; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_ins_8e704428bf9adb7507b2 ON public.shop_order IS 'd7fe0754abeab5be4ef5f613781634a9a772da41';


--
-- Name: shop_parcel synchro_ins_a57c937142d75caf127b; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_ins_a57c937142d75caf127b AFTER INSERT ON public.shop_parcel REFERENCING NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_ins_a57c937142d75caf127b('shop.Parcel');


--
-- Name: TRIGGER synchro_ins_a57c937142d75caf127b ON shop_parcel; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_ins_a57c937142d75caf127b ON public.shop_parcel IS '2c09d713c1526d3b34c02542814e14fcb1d94295';


--
-- Name: shop_customer synchro_trunc_01d6910b0f859873ef5b; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_trunc_01d6910b0f859873ef5b BEFORE TRUNCATE ON public.shop_customer FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_trunc_01d6910b0f859873ef5b('shop.Customer');


--
-- Name: TRIGGER synchro_trunc_01d6910b0f859873ef5b ON shop_customer; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_trunc_01d6910b0f859873ef5b ON public.shop_customer IS 'c6eb072287fbe075a82568034f3e50dccba307ec';


--
-- Name: shop_order_labels synchro_trunc_40225c1a05130c6b23d8; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_trunc_40225c1a05130c6b23d8 BEFORE TRUNCATE ON public.shop_order_labels FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_trunc_40225c1a05130c6b23d8('shop.Order_labels');


--
-- Name: TRIGGER synchro_trunc_40225c1a05130c6b23d8 ON shop_order_labels; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_trunc_40225c1a05130c6b23d8 ON public.shop_order_labels IS 'd39bcfea343bb36437ad4b3ab0d1602dfed05d8a';


--
-- Name: shop_label synchro_trunc_76a8a5d7744f4e23b5b0; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_trunc_76a8a5d7744f4e23b5b0 BEFORE TRUNCATE ON public.shop_label FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_trunc_76a8a5d7744f4e23b5b0('shop.Label');


--
-- Name: TRIGGER synchro_trunc_76a8a5d7744f4e23b5b0 ON shop_label; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_trunc_76a8a5d7744f4e23b5b0 ON public.shop_label IS '1fc697fe2fcc392bc28d5154ccec0ba78268764a';


--
-- Name: shop_order synchro_trunc_8e704428bf9adb7507b2; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_trunc_8e704428bf9adb7507b2 BEFORE TRUNCATE ON public.shop_order FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_trunc_8e704428bf9adb7507b2('shop.Order');


--
-- Name: TRIGGER synchro_trunc_8e704428bf9adb7507b2 ON shop_order; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_trunc_8e704428bf9adb7507b2 ON public.shop_order IS '61423d50cac5be4586d1e8823bdb3c6d2b747d87';


--
-- Name: shop_parcel synchro_trunc_a57c937142d75caf127b; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_trunc_a57c937142d75caf127b BEFORE TRUNCATE ON public.shop_parcel FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_trunc_a57c937142d75caf127b('shop.Parcel');


--
-- Name: TRIGGER synchro_trunc_a57c937142d75caf127b ON shop_parcel; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_trunc_a57c937142d75caf127b ON public.shop_parcel IS '6cf16f1bd18e8d59c01ed40c87fd4125905fb3b0';


--
-- Name: shop_customer synchro_upd_01d6910b0f859873ef5b; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_upd_01d6910b0f859873ef5b AFTER UPDATE ON public.shop_customer REFERENCING OLD TABLE AS synchro_old NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_upd_01d6910b0f859873ef5b('shop.Customer');


--
-- Name: TRIGGER synchro_upd_01d6910b0f859873ef5b ON shop_customer; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_upd_01d6910b0f859873ef5b ON public.shop_customer IS '10da617d6000fd60db00fb975f371db471e0514e';


--
-- Name: shop_order_labels synchro_upd_40225c1a05130c6b23d8; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_upd_40225c1a05130c6b23d8 AFTER UPDATE ON public.shop_order_labels REFERENCING OLD TABLE AS synchro_old NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_upd_40225c1a05130c6b23d8('shop.Order_labels');


--
-- Name: TRIGGER synchro_upd_40225c1a05130c6b23d8 ON shop_order_labels; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_upd_40225c1a05130c6b23d8 ON public.shop_order_labels IS '1e3c01328749accf33db99df230ebea3d91f45ab';


--
-- Name: shop_label synchro_upd_76a8a5d7744f4e23b5b0; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_upd_76a8a5d7744f4e23b5b0 AFTER UPDATE ON public.shop_label REFERENCING OLD TABLE AS synchro_old NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_upd_76a8a5d7744f4e23b5b0('shop.Label');


--
-- Name: TRIGGER synchro_upd_76a8a5d7744f4e23b5b0 ON shop_label; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_upd_76a8a5d7744f4e23b5b0 ON public.shop_label IS '5467431cccf35a9e7df69bf012ad8b7c7bec789b';


--
-- Name: shop_order synchro_upd_8e704428bf9adb7507b2; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_upd_8e704428bf9adb7507b2 AFTER UPDATE ON public.shop_order REFERENCING OLD TABLE AS synchro_old NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_upd_8e704428bf9adb7507b2('shop.Order');


--
-- Name: TRIGGER synchro_upd_8e704428bf9adb7507b2 ON shop_order; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_upd_8e704428bf9adb7507b2 ON public.shop_order IS '67fd5f2f0c36f0f323ab30b9be14aa27a0e5d1e1';


--
-- Name: shop_parcel synchro_upd_a57c937142d75caf127b; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER synchro_upd_a57c937142d75caf127b AFTER UPDATE ON public.shop_parcel REFERENCING OLD TABLE AS synchro_old NEW TABLE AS synchro_new FOR EACH STATEMENT WHEN ((current_setting('synchro.paused'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.synchro_upd_a57c937142d75caf127b('shop.Parcel');


--
-- Name: TRIGGER synchro_upd_a57c937142d75caf127b ON shop_parcel; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TRIGGER synchro_upd_a57c937142d75caf127b ON public.shop_parcel IS '556b39f48185712a14c2419d25008f78120acbd2';


--
-- Name: shop_order shop_order_customer_id_f638df20_fk_shop_customer_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_order
    ADD CONSTRAINT shop_order_customer_id_f638df20_fk_shop_customer_id FOREIGN KEY (customer_id) REFERENCES public.shop_customer(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: shop_order_labels shop_order_labels_label_id_35cd9920_fk_shop_label_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_order_labels
    ADD CONSTRAINT shop_order_labels_label_id_35cd9920_fk_shop_label_id FOREIGN KEY (label_id) REFERENCES public.shop_label(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: shop_order_labels shop_order_labels_order_id_d9557e95_fk_shop_order_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_order_labels
    ADD CONSTRAINT shop_order_labels_order_id_d9557e95_fk_shop_order_id FOREIGN KEY (order_id) REFERENCES public.shop_order(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: shop_parcel shop_parcel_order_id_8d7a56a5_fk_shop_order_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shop_parcel
    ADD CONSTRAINT shop_parcel_order_id_8d7a56a5_fk_shop_order_id FOREIGN KEY (order_id) REFERENCES public.shop_order(id) DEFERRABLE INITIALLY DEFERRED;


--
-- PostgreSQL database dump complete
--


