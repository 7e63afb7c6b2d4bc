from cms.plugin_base import CMSPluginBase
from cms.plugin_pool import plugin_pool

from .models import Picture, Text


@plugin_pool.register_plugin
class TextPlugin(CMSPluginBase):
    model = Text
    render_template = "text.html"
    allow_children = True


@plugin_pool.register_plugin
class PicturePlugin(CMSPluginBase):
    model = Picture
    render_template = "picture.html"
