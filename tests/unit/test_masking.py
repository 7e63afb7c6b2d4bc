"""What opens a database is masked in every spelling that drivers, pools and settings have for it."""

from __future__ import annotations

import pytest
from django.db import connections

from synchro_triggers.masking import without_credentials

PASSWORD = "s3c r/et@'x"

SPOKEN = [
    ("DRIVER={ODBC};SERVER=db;UID=keeper;PWD=s3cret;", "DRIVER={ODBC};SERVER=db;UID=***;PWD=***;"),
    ("DRIVER=x;PWD={s3c;ret};Encrypt=no", "DRIVER=x;PWD=***;Encrypt=no"),
    ("User ID=keeper; Password = s3cret; Host=db", "User ID=***; Password = ***; Host=db"),
    ("Username=keeper;Pwd=s3cret", "Username=***;Pwd=***"),
    ("postgres://keeper:s3cr@et/x@db:5432/shop", "postgres://***@db:5432/shop"),
    ("mysql+pymysql://keeper:s3cret@db/shop?x=1, then redis://:s3cret@cache/0", None),
    (
        "postgresql://db/shop?user=keeper&password=s3cret&sslmode=on",
        "postgresql://db/shop?user=***&password=***&sslmode=on",
    ),
    ("host=db password=s3c&ret port=5", "host=db password=*** port=5"),
    ("connect(host='db', user='keeper', password='s3cret')", "connect(host='db', user=***, password=***)"),
    ("{'HOST': 'db', 'USER': 'keeper', 'PASSWORD': 's3cret'}", "{'HOST': 'db', 'USER': ***, 'PASSWORD': ***}"),
    ('{"user": "keeper", "password": "s3\\"cret", "port": 5}', '{"user": ***, "password": ***, "port": 5}'),
    ("mysql --user=keeper --password=s3cret shop", "mysql --user=*** --password=*** shop"),
    ("host=db sslpassword=s3cret passphrase='s3 cret'", "host=db sslpassword=*** passphrase=***"),
    ("PGPASSWORD=s3cret pg_dump shop", "PGPASSWORD=*** pg_dump shop"),
    ("MYSQL_PWD='s3cret' DB_PASSWORD=\"s3cret\"", "MYSQL_PWD=*** DB_PASSWORD=***"),
    ("{'db_password': 's3cret', 'n': 1}", "{'db_password': ***, 'n': 1}"),
    ("PWD={s3c}};ret};Encrypt=no", "PWD=***;Encrypt=no"),
    ("password='s3c''ret' port=5", "password=*** port=5"),
    ("ALTER ROLE keep PASSWORD 's3c''ret' LOGIN", "ALTER ROLE keep PASSWORD *** LOGIN"),
    ("near \"CREATE USER x IDENTIFIED BY 's3cret'\"", 'near "CREATE USER x IDENTIFIED BY ***"'),
]


@pytest.mark.parametrize(("spoken", "masked"), SPOKEN)
def test_connection_strings_are_masked(spoken, masked):
    said = without_credentials(spoken)

    assert "keeper" not in said and "s3c" not in said and "cret" not in said
    assert masked is None or said == masked


@pytest.mark.parametrize(
    "spelled",
    [
        PASSWORD,
        "s3c%20r%2Fet%40%27x",
        "s3c+r%2Fet%40%27x",
        "s3c r/et@\\'x",
        "s3c r/et@''x",
    ],
)
def test_passwords_of_the_settings_are_masked_however_they_are_quoted(monkeypatch, spelled):
    monkeypatch.setitem(connections.settings["remote"], "PASSWORD", PASSWORD)

    assert without_credentials(f"it was given <{spelled}> for it") == "it was given <***> for it"


@pytest.mark.parametrize(
    "plain",
    [
        "shop.Order 4711: unique field number=17 is taken by 4702",
        "https://docs.example/page",
        "see ftp://files/a and write to ann@example.com",
        "Access denied (using password: YES)",
        "users=3, passwords: 4",
    ],
)
def test_other_words_stay(plain):
    assert without_credentials(plain) == plain
