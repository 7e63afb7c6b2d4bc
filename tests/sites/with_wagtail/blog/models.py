"""What a blog in Wagtail has: keys in rich text, in stream fields, in revisions, in tags and in child objects."""

from __future__ import annotations

from django.db import models
from modelcluster.contrib.taggit import ClusterTaggableManager
from modelcluster.fields import ParentalKey, ParentalManyToManyField
from taggit.models import TaggedItemBase
from wagtail.admin.panels import FieldPanel, InlinePanel
from wagtail.blocks import CharBlock, ListBlock, PageChooserBlock, RichTextBlock, StructBlock
from wagtail.contrib.forms.models import AbstractEmailForm, AbstractFormField
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.fields import RichTextField, StreamField
from wagtail.images.blocks import ImageChooserBlock
from wagtail.models import DraftStateMixin, Orderable, Page, PreviewableMixin, RevisionMixin, WorkflowMixin
from wagtail.snippets.blocks import SnippetChooserBlock
from wagtail.snippets.models import register_snippet


@register_snippet
class Topic(WorkflowMixin, DraftStateMixin, RevisionMixin, PreviewableMixin, models.Model):
    """A snippet with drafts, revisions and workflows."""

    name = models.CharField(max_length=50)
    panels = [FieldPanel("name")]

    def __str__(self) -> str:
        return self.name

    def get_preview_template(self, request, mode_name):
        return "blog/topic.html"


class BlogTag(TaggedItemBase):
    content_object = ParentalKey("BlogPage", related_name="tagged_items")


class BlogIndexPage(Page):
    intro = RichTextField(blank=True)
    content_panels = [*Page.content_panels, FieldPanel("intro")]


class BlogPage(Page):
    body = StreamField(
        [
            ("text", RichTextBlock()),
            ("picture", ImageChooserBlock()),
            ("document", DocumentChooserBlock()),
            ("see", PageChooserBlock()),
            ("topic", SnippetChooserBlock("blog.Topic")),
            ("gallery", ListBlock(StructBlock([("caption", CharBlock()), ("image", ImageChooserBlock())]))),
        ],
        blank=True,
    )
    intro = RichTextField(blank=True)
    image = models.ForeignKey("wagtailimages.Image", models.SET_NULL, null=True, blank=True, related_name="+")
    topics = ParentalManyToManyField(Topic, blank=True)
    tags = ClusterTaggableManager(through=BlogTag, blank=True)
    content_panels = [
        *Page.content_panels,
        FieldPanel("intro"),
        FieldPanel("body"),
        FieldPanel("image"),
        FieldPanel("topics"),
        FieldPanel("tags"),
        InlinePanel("links"),
    ]


class Link(Orderable):
    page = ParentalKey(BlogPage, related_name="links")
    to = models.ForeignKey(Page, models.SET_NULL, null=True, blank=True, related_name="+")
    caption = models.CharField(max_length=50)
    panels = [FieldPanel("to"), FieldPanel("caption")]


class FormField(AbstractFormField):
    page = ParentalKey("ContactPage", related_name="form_fields")


class ContactPage(AbstractEmailForm):
    intro = RichTextField(blank=True)
    content_panels = [*AbstractEmailForm.content_panels, FieldPanel("intro"), InlinePanel("form_fields")]
