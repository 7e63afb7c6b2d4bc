"""A site whose models are made of django-fsm-2, django-lifecycle, django-model-utils and django-money."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=[
            "django_fsm",
            "django_lifecycle_checks",
            "djmoney",
            "djmoney.contrib.exchange",
            "tests.sites.with_fields",
        ],
        ROOT_URLCONF="tests.sites.urls",
        SYNCHRO_MODELS=("auth", "exchange", "with_fields"),
        # Its hooks, which save() and delete() call, write the diary, and count.
        SYNCHRO_OPTIONS={"with_fields.Parcel": {"write": "signals"}},
    )
)
