"""A site with django-allauth, django-otp and django-organizations: who somebody is, and whose."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=[
            "django.contrib.sites",
            "allauth",
            "allauth.account",
            "django_otp",
            "django_otp.plugins.otp_static",
            "django_otp.plugins.otp_totp",
            "organizations",
        ],
        MIDDLEWARE=[
            *project.MIDDLEWARE,
            "django_otp.middleware.OTPMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        AUTHENTICATION_BACKENDS=[
            "django.contrib.auth.backends.ModelBackend",
            "allauth.account.auth_backends.AuthenticationBackend",
        ],
        ACCOUNT_EMAIL_VERIFICATION="optional",
        ACCOUNT_EMAIL_CONFIRMATION_HMAC=False,
        ROOT_URLCONF="tests.sites.with_accounts.urls",
        SYNCHRO_MODELS=("auth", "account", "otp_static", "otp_totp", "organizations"),
    )
)
