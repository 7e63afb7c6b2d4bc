from synchro_triggers import synchronize
from tests.comparing import assert_same
from tests.databases import both
from tests.shapeapp.models import *
pytestmark = both
def test_x():
    a = Author.objects.create(name="a")
    c=Country.objects.create(name="x"); City.objects.create(name="y", country=c)
    Article.objects.create(name="1").related.add(Article.objects.create(name="2"))
    Amphibian.objects.create(name="amph")
    Note.objects.create(name="n", target=a)
    Ledger.objects.create(name="l")
    from django.db import connection
    for t in connection.introspection.table_names():
        pass
    r = synchronize()
    print(r)
    assert_same()
