"""``django.contrib.auth``, and users of a project's own."""

from . import Known

KNOWN = Known(
    "django.contrib.auth",
    "A login changes nothing but last_login: sent as a change of the user, it would bring back an old password.",
    options={"django.contrib.auth.base_user.AbstractBaseUser": {"skip": ("last_login",)}},
)
