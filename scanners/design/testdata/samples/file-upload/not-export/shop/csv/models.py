from django.db import models


class ExportFile(models.Model):
    content_file = models.FileField(upload_to="export_files", null=True)
