"""What the writers of a wiki do."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django_nyt.models import Settings
from PIL import Image as Picture
from wiki.models import Article, URLPath
from wiki.plugins.attachments.models import Attachment
from wiki.plugins.images.models import Image, ImageRevision


def main_begins() -> None:
    """A wiki with a root, two articles, and two writers, one of whom watches an article."""
    for name in ("ann", "bob"):
        User.objects.create_superuser(name, f"{name}@example.com", "secret")
    URLPath.create_root(title="Root", content="Welcome.")
    write("ann", "", "old", "Old", "Some text, to be **edited**.")
    write("ann", "", "older", "Older", "Some text.")


def main_goes_on(name: str) -> None:
    """Main's writers work too, so that both sides give out the same numbers; its tree stays as it was."""
    User.objects.create_user(f"of {name}")
    write("bob", "", "draft", "Draft", "Not for long.")
    _delete("bob", "draft/", purge="on")
    edit("bob", "older/", f"Edited before {name}.")


def write_news() -> None:
    """Main's writers write an article, too: it takes a place in the tree that the office does not know."""
    write("bob", "", "news", "News", "What is new.")


def rebuild() -> None:
    """Number the places in the tree anew."""
    URLPath.objects.rebuild()


def write(who: str, below: str, slug: str, title: str, content: str) -> None:
    """Write an article by its page."""
    _post(who, f"/{below}_create/", title=title, slug=slug, content=content, summary="made")


def edit(who: str, path: str, content: str) -> None:
    """Write a new revision of an article."""
    current = URLPath.get_by_path(path).article.current_revision
    values = {"title": current.title, "content": content, "summary": "edited", "current_revision": current.pk}
    _post(who, f"/{path}_edit/", save="1", **values)


def write_articles() -> None:
    """New articles on three levels, a revision, an attachment, an image, and somebody who watches."""
    write("ann", "", "new", "New", "Text with [a link](wiki:/old/).")
    write("bob", "new/", "below", "Below", "Text.")
    write("bob", "new/below/", "deep", "Deep", "Text.")
    edit("bob", "old/", "Another **text**.")
    _post(
        "ann",
        "/old/_settings/?f=form1",
        settings=Settings.get_default_setting(User.objects.get(username="ann")).pk,
        edit="on",
    )
    file = SimpleUploadedFile("paper.pdf", b"text", "application/pdf")
    _post("ann", "/new/_plugin/attachments/", description="a paper", file=file)
    content = BytesIO()
    Picture.new("RGB", (8, 6), "red").save(content, "PNG")
    article = URLPath.get_by_path("new/").article
    image = Image(article=article)
    image.add_revision(ImageRevision(image=ContentFile(content.getvalue(), "red.png"), revision_number=1))
    edit("ann", "new/", f"Text with [a link](wiki:/old/).\n\n[image:{image.pk} align:left]\n    A picture.")


def change_articles() -> None:
    """Edit, go back to an older revision, move a branch, delete an article and purge another; replace the file."""
    edit("ann", "new/below/", "Better text.")
    edit("bob", "new/below/", "Best text.")
    old = URLPath.get_by_path("old/").article
    first = old.articlerevision_set.order_by("revision_number").first()
    _client("ann").get(f"/old/_revision/change/{first.pk}/")
    assert Article.objects.get(pk=old.pk).current_revision == first
    _post("ann", "/new/below/_move/", destination=URLPath.get_by_path("old/").pk, slug="moved", redirect="")
    write("ann", "new/", "gone", "Gone", "Text.")
    write("ann", "new/", "purged", "Purged", "Text.")
    _delete("ann", "new/gone/", purge="")
    _delete("ann", "new/purged/", purge="on")
    attachment = Attachment.objects.get()
    file = SimpleUploadedFile("paper2.pdf", b"other text", "application/pdf")
    _post("bob", f"/new/_plugin/attachments/replace/{attachment.pk}/", description="newer", file=file)


def _delete(who: str, path: str, *, purge: str) -> None:
    revision = URLPath.get_by_path(path).article.current_revision.pk
    _post(who, f"/{path}_delete/", confirm="on", purge=purge, revision=revision)


def _text(revision: Any) -> str:
    """Return what an article says, without the keys of its images, which each side has its own of."""
    return re.sub(r"\[image:\d+", "[image", revision.content)


def articles() -> dict[str, Any]:
    """Return of each path what its article says, who has written its revisions, and how the tree places it."""
    return {
        path.path: [
            path.article.current_revision.title,
            _text(path.article.current_revision),
            path.article.current_revision.revision_number,
            [
                f"{revision.revision_number} {revision.user} {_text(revision)}"
                for revision in path.article.articlerevision_set.order_by("revision_number")
            ],
            [path.level, path.tree_id] + [each.path for each in path.get_descendants()],
            path.article.render() if not path.is_deleted() else "deleted",
        ]
        for path in URLPath.objects.all()
    }


def pages_open() -> None:
    """Open every article and its history."""
    client = _client("ann")
    for path in URLPath.objects.all():
        for address in (path.path, f"{path.path}_history/", f"{path.path}_plugin/attachments/"):
            answer = client.get(f"/{address}", follow=True)
            assert answer.status_code == 200 or path.is_deleted(), (address, answer.status_code)


def _client(who: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=who))
    return client


def _post(who: str, address: str, /, **values: Any) -> None:
    answer = _client(who).post(address, values)
    assert answer.status_code == 302, (address, answer.status_code, answer.content.decode()[-3000:])
