"""Groups of people: who looks, who operates, who administers."""

from django.db import migrations

#: What an operator may change: the permissions behind the actions of the admin.
VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
ADDED = ("market", "marketsource")


def make(apps, schema_editor):
    """Every permission of the application's models as they are at this migration. Django makes those
    itself only after all migrations: the same rows are made here, and it finds them."""
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    of_groups = {name: [] for name in (VIEWER, OPERATOR, ADMIN)}
    for model in apps.get_app_config("analytics").get_models():
        options = model._meta
        kind, _made = ContentType.objects.get_or_create(
            app_label="analytics", model=options.model_name
        )
        for verb in ("add", "change", "delete", "view"):
            permission, _made = Permission.objects.get_or_create(
                content_type=kind,
                codename=f"{verb}_{options.model_name}",
                defaults={"name": f"Can {verb} {options.verbose_name_raw}"},
            )
            of_groups[ADMIN].append(permission)
            if verb == "view":
                of_groups[VIEWER].append(permission)
            if verb in ("view", "change") or (verb == "add" and options.model_name in ADDED):
                of_groups[OPERATOR].append(permission)
    for model in ("user", "group"):
        kind, _made = ContentType.objects.get_or_create(app_label="auth", model=model)
        for verb in ("add", "change", "delete", "view"):
            permission, _made = Permission.objects.get_or_create(
                content_type=kind,
                codename=f"{verb}_{model}",
                defaults={"name": f"Can {verb} {model}"},
            )
            of_groups[ADMIN].append(permission)
    for name, permissions in of_groups.items():
        group, _made = Group.objects.get_or_create(name=name)
        group.permissions.add(*permissions)


def remove(apps, schema_editor):
    """The groups; the permissions are Django's."""
    apps.get_model("auth", "Group").objects.filter(name__in=(VIEWER, OPERATOR, ADMIN)).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0022_preferences"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make, remove)]
