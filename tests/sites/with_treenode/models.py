from django.db import models
from treenode.models import TreeNodeModel


class Place(TreeNodeModel):
    treenode_display_field = "name"

    name = models.CharField(max_length=50)

    class Meta(TreeNodeModel.Meta):
        pass
