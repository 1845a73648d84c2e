EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "shop.sso.backends.CompanyBackend",
]
