"""What editors do in django-cms, and with files in django-filer."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from cms.api import add_plugin, create_page, create_page_content
from cms.models import CMSPlugin, Page, PageContent, PageUrl, Placeholder
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from filer.models import File, Folder, Image
from PIL import Image as Picture

from tests.sites.with_cms.texts.models import Text


def main_begins() -> None:
    """A home page with a text, a page for news and one for the blog, a folder with an image."""
    User.objects.create_superuser("boss", "boss@example.com", "secret")
    home = _page("Home", None)
    with transaction.atomic():
        home.set_as_homepage()
    for title in ("Blog", "News"):
        _page(title, None)
    _page("First", "Blog")
    _page("Second", "Blog")
    picture("old", Folder.objects.create(name="pictures"))


def picture(name: str, folder: Any) -> Any:
    """Put an image into a folder."""
    content = BytesIO()
    Picture.new("RGB", (80, 60), "red").save(content, "PNG")
    boss = User.objects.get(username="boss")
    file = ContentFile(content.getvalue(), f"{name}.png")
    return Image.objects.create(name=name, original_filename=f"{name}.png", file=file, folder=folder, owner=boss)


def _page(title: str, below: str | None) -> Any:
    parent = PageContent.objects.get(title=below).page if below else None
    boss = User.objects.get(username="boss")
    page = create_page(title, "page.html", "en", parent=parent, in_navigation=True, created_by=boss)
    content = page.get_content_obj("en")
    placeholder = content.get_placeholders().get(slot="content")
    add_plugin(placeholder, "TextPlugin", "en", body=f"Text of {title}")
    return page


def main_goes_on(name: str) -> None:
    """Main's editors work too, so that both sides give out the same numbers: below the page for news."""
    _page(f"of {name}", "News")
    picture(name, Folder.objects.create(name=name))


def write_pages() -> None:
    """Pages in two languages with nested plugins, a picture among them; folders and a file."""
    folder = Folder.objects.create(name="new", parent=Folder.objects.get(name="pictures"))
    image = picture("new", folder)
    File.objects.create(
        name="paper", original_filename="paper.txt", file=ContentFile(b"text", "paper.txt"), folder=folder
    )
    page = _page("Third", "Blog")
    placeholder = page.get_content_obj("en").get_placeholders().get(slot="content")
    text = add_plugin(placeholder, "TextPlugin", "en", body="around")
    add_plugin(placeholder, "PicturePlugin", "en", target=text, image=image)
    add_plugin(placeholder, "TextPlugin", "en", position="first-child", body="first")
    boss = User.objects.get(username="boss")
    create_page_content("de", "Dritte", page, created_by=boss)
    for n in range(3):
        _page(f"Below{n}", "Third")


@transaction.atomic
def change_pages() -> None:
    """Move, copy and delete pages and plugins; rename a page; replace and delete files."""
    boss = User.objects.get(username="boss")
    third = PageContent.objects.get(title="Third").page
    third.move_page(PageContent.objects.get(title="Second").page, position="first-child")
    below = PageContent.objects.get(title="Below0").page
    below.move_page(PageContent.objects.get(title="First").page, position="left")
    PageContent.objects.get(title="Below1").page.delete()
    first = PageContent.objects.get(title="First")
    first.title = "First, edited"
    first.save()
    copy = PageContent.objects.get(title="Below2").page.copy_with_descendants(
        target_page=PageContent.objects.get(title="Blog").page, position="last-child", user=boss
    )
    content = copy.get_content_obj("en")
    content.title = "A copy"
    content.save()
    placeholder = third.get_content_obj("en").get_placeholders().get(slot="content")
    placeholder.delete_plugin(Text.objects.get(body="first"))
    File.objects.get(name="paper").delete()
    image = Image.objects.get(name="old")
    image.name, image.folder = "older", Folder.objects.get(name="new")
    image.save()


def pages() -> dict[str, Any]:
    """Render every page; return its text without menus by its address."""
    shown = {}
    for url in PageUrl.objects.all():
        address = f"/{url.language}/{url.path}/" if url.path else f"/{url.language}/"
        answer = Client().get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        shown[address] = answer.content.decode().split("</ul>")[-1]
    return shown


def faults() -> list[str]:
    """Return what is wrong with the tree of pages, the paths and the positions of plugins."""
    wrong = [str(each) for each in Page.find_problems() if each]
    for placeholder in Placeholder.objects.all():
        for language in ("en", "de"):
            positions = list(
                CMSPlugin.objects.filter(placeholder=placeholder, language=language)
                .order_by("position")
                .values_list("position", flat=True)
            )
            if positions != list(range(1, len(positions) + 1)):
                wrong.append(f"placeholder {placeholder.pk}: {positions}")
    return wrong


def files() -> dict[str, list[str]]:
    """Return each file as what it is, with its folder and address."""
    return {
        f"{type(file).__name__} {file.name}": [file.folder.pretty_logical_path, file.url, str(file.owner)]
        for file in File.objects.all()
    }


def admin_opens() -> None:
    client = Client()
    client.force_login(User.objects.get(username="boss"))
    for address in ("/en/admin/cms/pagecontent/?language=en", "/en/admin/filer/folder/", "/en/admin/"):
        answer = client.get(address, follow=True)
        assert answer.status_code == 200, (address, answer.status_code)
