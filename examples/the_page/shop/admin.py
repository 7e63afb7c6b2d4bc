from django.contrib import admin

from .models import Article, Customer, Order

admin.site.register([Article, Customer, Order])
