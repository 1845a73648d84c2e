from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.AlterField(model_name="user", name="email", field=models.EmailField(max_length=320)),
    ]
