from django.contrib import admin
from simple_history.admin import SimpleHistoryAdmin

from .models import Choice, Place, Poll

admin.site.register(Poll, SimpleHistoryAdmin)
admin.site.register(Choice, SimpleHistoryAdmin)
admin.site.register(Place)
