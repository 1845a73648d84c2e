from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel(
            name="Invoice",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("workspace", models.ForeignKey(on_delete=models.CASCADE, to="accounts.workspace")),
            ],
        ),
    ]
