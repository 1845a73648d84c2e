from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.AddField("product", "image", models.ImageField(upload_to="products")),
    ]
