from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pms", "0008_stay_phase"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="reservation",
            index=models.Index(
                condition=models.Q(("group_reference", ""), _negated=True),
                fields=["group_reference"],
                name="idx_reservations_group",
            ),
        ),
    ]
