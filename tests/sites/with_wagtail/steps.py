"""What editors do in Wagtail, on either side."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client
from django.utils.text import slugify
from PIL import Image as Picture
from wagtail.contrib.redirects.models import Redirect
from wagtail.documents.models import Document
from wagtail.images.models import Image
from wagtail.models import GroupApprovalTask, Page, Revision, Workflow, WorkflowPage, WorkflowTask
from wagtail.search.models import IndexEntry

from tests.sites.with_wagtail.blog.models import BlogIndexPage, BlogPage, ContactPage, FormField, Link, Topic


def main_begins() -> None:
    """The main site has been in use: a home page with a blog and news, a few posts, an image."""
    boss = User.objects.create_superuser("boss", "boss@example.com", "secret")
    moderator = User.objects.create_user("moderator", "mod@example.com", "secret")
    moderator.groups.add(Group.objects.get(name="Moderators"))
    home = Page.get_first_root_node().get_children().get()
    for title in ("Blog", "News"):
        section = BlogIndexPage(title=title, slug=title.lower(), intro="<p>Of main.</p>")
        home.add_child(instance=section)
        section.save_revision(user=boss).publish()
    picture("old", boss)
    for title in ("First", "Second", "Third"):
        post(title, user=boss)


def picture(title: str, user: Any = None) -> Image:
    """Upload an image."""
    content = BytesIO()
    Picture.new("RGB", (80, 60), "red").save(content, "PNG")
    return Image.objects.create(
        title=title, file=ContentFile(content.getvalue(), f"{title}.png"), uploaded_by_user=user
    )


def post(title: str, *, user: Any, publish: bool = True, below: str = "blog", **values: Any) -> BlogPage:
    """Write a post, as the page editor does."""
    blog = BlogIndexPage.objects.get(slug=below)
    page = BlogPage(title=title, slug=slugify(title), owner=user, live=publish, **values)
    blog.add_child(instance=page)
    revision = page.save_revision(user=user, log_action=True)
    if publish:
        revision.publish(user=user)
    return page


def write(title: str) -> None:
    """Write one post."""
    post(title, user=User.objects.get(username="boss"))


def move(title: str, below: str) -> None:
    """Move a post below another page, where it comes last."""
    Page.objects.get(title=title).move(Page.objects.get(slug=below), "last-child")


def children() -> list[str]:
    """Return the titles of the blog's posts."""
    return sorted(page.title for page in Page.objects.get(slug="blog").get_children())


def indexed() -> list[str]:
    """Return the titles of the pages that are in the site's search index."""
    pages = ContentType.objects.get_for_models(BlogPage, BlogIndexPage, ContactPage).values()
    entries = IndexEntry.objects.filter(content_type__in=pages)
    return sorted(Page.objects.get(pk=entry.object_id).title for entry in entries)


def found(words: list[str]) -> dict[str, list[str]]:
    """Search for each word as the site's search page does; return the titles of the live pages that it finds."""
    return {word: sorted(page.title for page in Page.objects.live().search(word)) for word in words}


def uses() -> dict[str, list[str]]:
    """Return of each image which pages use it, by the index of references."""
    return {image.title: sorted({str(used) for used, _ in image.get_usage()}) for image in Image.objects.all()}


def write_pages() -> None:
    """Posts with an image, a document, tags, a topic, and links to other pages in all places where keys may stand."""
    boss = User.objects.get(username="boss")
    image = picture("new", boss)
    document = Document.objects.create(title="paper", file=ContentFile(b"text", "paper.txt"), uploaded_by_user=boss)
    topic = Topic.objects.create(name="Weather")
    topic.save_revision(user=boss).publish()
    target = post("Target", user=boss)
    embedded = f'<embed embedtype="image" id="{image.pk}" alt="new" format="left"/>'
    rich = f'<p>See <a linktype="page" id="{target.pk}">that</a> {embedded}</p>'
    page = post("Rich", user=boss, image=image, intro=rich)
    page.body = [
        ("text", rich),
        ("picture", image),
        ("document", document),
        ("see", target),
        ("topic", topic),
        ("gallery", [{"caption": "one", "image": image}]),
    ]
    page.tags.add("sun", "rain")
    page.topics.add(topic)
    page.links = [Link(to=target, caption="to the target"), Link(to=page.get_parent(), caption="up")]
    page.save_revision(user=boss, log_action=True).publish(user=boss)
    draft = post("Draft", user=boss, publish=False, intro=rich)
    draft.title = "Draft, second version"
    draft.save_revision(user=boss, log_action=True)
    for n in range(5):
        post(f"Note{n}", user=boss)


def rearrange() -> None:
    """Edit, move, copy, unpublish and delete pages; a redirect comes of a changed slug."""
    boss = User.objects.get(username="boss")
    first, second = BlogPage.objects.get(slug="first"), BlogPage.objects.get(slug="second")
    first.title, first.slug = "First, edited", "first-edited"
    first.save_revision(user=boss, log_action=True, changed=True).publish(user=boss)
    Redirect.add_redirect("/old-paper", BlogPage.objects.get(slug="rich"), is_permanent=False)
    Page.objects.get(slug="note0").move(Page.objects.get(slug="target"), pos="last-child", user=boss)
    second.specific.move(BlogIndexPage.objects.get(slug="blog"), pos="first-child", user=boss)
    rich = BlogPage.objects.get(slug="rich")
    rich.copy(update_attrs={"title": "Copy", "slug": "copy"}, user=boss)
    Page.objects.get(slug="target").copy(recursive=True, update_attrs={"title": "Branch", "slug": "branch"}, user=boss)
    Page.objects.get(slug="note1").specific.unpublish(user=boss)
    Page.objects.get(slug="note2").specific.delete(user=boss)


def add_forms_and_workflows() -> None:
    """A contact form with a submission, and pages in a workflow: approved, and still in moderation."""
    boss, moderator = User.objects.get(username="boss"), User.objects.get(username="moderator")
    blog = BlogIndexPage.objects.get(slug="blog")
    contact = ContactPage(title="Contact", slug="contact", to_address="a@example.com", from_address="b@example.com")
    contact.form_fields = [FormField(label="Name", field_type="singleline", required=True)]
    blog.add_child(instance=contact)
    contact.save_revision(user=boss).publish(user=boss)
    answer = Client().post("/blog/contact/", {"name": "Ann"})
    assert answer.status_code == 200, answer.status_code

    task = GroupApprovalTask.objects.create(name="four eyes")
    task.groups.add(Group.objects.get(name="Moderators"))
    workflow = Workflow.objects.create(name="four eyes")
    WorkflowTask.objects.create(workflow=workflow, task=task, sort_order=0)
    WorkflowPage.objects.create(workflow=workflow, page=blog)
    for title in ("Approved", "Waiting"):
        page = post(title, user=boss, publish=False)
        state = workflow.start(page, boss)
        if title == "Approved":
            state.current_task_state.approve(user=moderator)
    topic = Topic.objects.create(name="Waits too", live=False)
    topic.save_revision(user=boss)
    workflow.start(topic, boss)


def main_goes_on(title: str) -> None:
    """The main server's editors work too, so that both sides give out the same numbers: news, and an old post."""
    boss = User.objects.get(username="boss")
    image = picture(title, boss)
    Topic.objects.create(name=title)
    page = post(title, user=boss, below="news", image=image)
    page.tags.add("sun", title)
    page.save_revision(user=boss, log_action=True).publish(user=boss)
    third = BlogPage.objects.get(slug="third")
    third.title = f"Third, after {title}"
    third.save_revision(user=boss, log_action=True, changed=True).publish(user=boss)


def edit_at_office() -> None:
    """The office goes on: an edit of a page that only the office has changed, and of one below it."""
    boss = User.objects.get(username="boss")
    rich = BlogPage.objects.get(slug="rich")
    rich.title = "Rich, edited"
    rich.tags.remove("rain")
    rich.save_revision(user=boss, log_action=True, changed=True).publish(user=boss)
    Page.objects.get(slug="target").get_children().get().specific.delete(user=boss)
    waiting = BlogPage.objects.get(slug="waiting")
    waiting.current_workflow_task_state.approve(user=User.objects.get(username="moderator"))


def main_write_pages() -> None:
    """Main's editors copy what came from the office: a page alone, and one with what is below it."""
    boss = User.objects.get(username="boss")
    post("Below", user=boss, below="news")
    Page.objects.get(slug="below").move(Page.objects.get(slug="target"), pos="last-child", user=boss)
    Page.objects.get(slug="rich").specific.copy(update_attrs={"title": "Copy of main", "slug": "of-main"}, user=boss)
    values = {"title": "Target of main", "slug": "target-of-main"}
    Page.objects.get(slug="target").copy(recursive=True, update_attrs=values, user=boss)


def main_rearrange() -> None:
    """Main's editors copy a branch, and rename one that came."""
    boss = User.objects.get(username="boss")
    branch = BlogPage.objects.get(slug="branch")
    branch.copy(recursive=True, update_attrs={"title": "Branch of main", "slug": "branch-of-main"}, user=boss)
    branch.slug = "branch-renamed"
    branch.save_revision(user=boss, log_action=True, changed=True).publish(user=boss)


def delete(title: str) -> None:
    """Delete one post."""
    Page.objects.get(title=title).specific.delete(user=User.objects.get(username="boss"))


def pages() -> dict[str, str]:
    """Render every page that is live; return its text by its address."""
    client = Client()
    shown = {}
    for page in Page.objects.live().filter(depth__gt=1).specific():
        answer = client.get(page.get_url(), HTTP_HOST="localhost")
        assert answer.status_code == 200, (page.get_url(), answer.status_code)
        shown[page.get_url()] = answer.content.decode()
    return shown


def faults() -> list[str]:
    """Return what ``fixtree`` would repair, and the revisions that would bring back another object than their own."""
    return [str(each) for found in Page.find_problems() for each in found] + _revisions_of_others()


def fixtree() -> None:
    call_command("fixtree", interactive=False, verbosity=0)


def redirected(addresses: list[str]) -> dict[str, list[Any]]:
    """Return of old addresses how the site answers, and where it sends its reader."""
    answers = {address: Client().get(address, HTTP_HOST="localhost") for address in addresses}
    return {address: [answer.status_code, answer.get("Location")] for address, answer in answers.items()}


def admin_opens() -> dict[str, int]:
    """Open the pages of the admin as the editor sees them; return their status."""
    client = Client()
    client.force_login(User.objects.get(username="boss"))
    addresses = ["/cms/", "/cms/images/", "/cms/documents/", "/cms/redirects/", "/cms/reports/site-history/"]
    addresses += ["/cms/reports/workflow/", "/cms/workflows/list/"]
    for page in Page.objects.filter(depth__gt=1):
        addresses += [f"/cms/pages/{page.pk}/", f"/cms/pages/{page.pk}/edit/", f"/cms/pages/{page.pk}/history/"]
    statuses = {address: client.get(address, follow=True).status_code for address in addresses}
    return {address: status for address, status in statuses.items() if status != 200}


def _revisions_of_others() -> list[str]:
    wrong = []
    for revision in Revision.objects.all():
        version = revision.as_object()
        if version.pk != revision.content_object.pk:
            wrong.append(f"revision {revision.pk} of {revision.content_object!r} is one of {version!r}")
    return wrong
