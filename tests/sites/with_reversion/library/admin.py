import reversion
from django.contrib import admin
from reversion.admin import VersionAdmin

from .models import Atlas, Author, Book, Chapter


class ChapterInline(admin.TabularInline):
    model = Chapter
    extra = 0


@admin.register(Book)
class BookAdmin(VersionAdmin):
    inlines = [ChapterInline]


admin.site.register(Author)
reversion.register(Atlas, follow=("book_ptr",))
