"""The queue's own tables, which django-q2 brings: pages with columns that fit, and the words that
it marks for translation and has no Spanish for."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.utils.translation import gettext_noop

#: Table -> its columns. The library's own do not fit on a page, and begin with names drawn by lot.
COLUMNS = {
    "Schedule": ("name", "minutes", "next_run", "get_last_run", "get_success"),
    "Success": ("func", "started", "time_taken"),
    "Failure": ("func", "started", "short_result"),
    "OrmQ": ("func", "lock", "key"),
}
#: What django_q.models and django_q.admin say.
TEXTS = (
    gettext_noop("32-character task identifier."),
    gettext_noop("Arguments"),
    gettext_noop("Attempt count"),
    gettext_noop("Bimonthly"),
    gettext_noop("Biweekly"),
    gettext_noop("Cluster"),
    gettext_noop("Cluster key"),
    gettext_noop("Cron"),
    gettext_noop("Cron expression"),
    gettext_noop("Daily"),
    gettext_noop("Dotted import path to the callable, e.g. myapp.tasks.job."),
    gettext_noop("Failed task"),
    gettext_noop("Failed tasks"),
    gettext_noop("False if the task raised an exception or timed out."),
    gettext_noop("Function"),
    gettext_noop("Group"),
    gettext_noop("Hook"),
    gettext_noop("Hourly"),
    gettext_noop("How many times execution was attempted."),
    gettext_noop("How often this task should be enqueued."),
    gettext_noop("Id of the last task spawned from this schedule (read-only)."),
    gettext_noop("Intended date kwarg"),
    gettext_noop("Keyword arguments"),
    gettext_noop("Last task id"),
    gettext_noop("Lock until"),
    gettext_noop("Minutes"),
    gettext_noop("Monthly"),
    gettext_noop("Name"),
    gettext_noop("Name of kwarg to pass intended schedule date"),
    gettext_noop("Name of the cluster that executed this task."),
    gettext_noop("Name of the target cluster"),
    gettext_noop("Next Run"),
    gettext_noop("Number of minutes for the Minutes type"),
    gettext_noop("Once"),
    gettext_noop("Optional dotted path to a callback that receives the task result."),
    gettext_noop("Optional group id to aggregate related tasks."),
    gettext_noop("Optional human-readable name for lookup and display."),
    gettext_noop("Optional label to identify this schedule in the admin."),
    gettext_noop("Payload"),
    gettext_noop("Pickled keyword arguments (dict)."),
    gettext_noop("Pickled positional arguments (tuple)."),
    gettext_noop("Pickled return value or error payload."),
    gettext_noop("Please install croniter to enable cron expressions"),
    gettext_noop("Prevent any cluster from pulling until"),
    gettext_noop("Quarterly"),
    gettext_noop("Queue options"),
    gettext_noop("Queued task"),
    gettext_noop("Queued tasks"),
    gettext_noop("Repeats"),
    gettext_noop("Result"),
    gettext_noop("Resubmit selected tasks to queue"),
    gettext_noop("Schedule Type"),
    gettext_noop("Scheduled task"),
    gettext_noop("Scheduled tasks"),
    gettext_noop("Short result"),
    gettext_noop("Signed serialized task package (do not edit manually)."),
    gettext_noop("Started at"),
    gettext_noop("Stopped at"),
    gettext_noop("Success"),
    gettext_noop("Successful task"),
    gettext_noop("Successful tasks"),
    gettext_noop("Task"),
    gettext_noop("Task id"),
    gettext_noop("Tasks"),
    gettext_noop("Time Taken"),
    gettext_noop("Weekly"),
    gettext_noop("When the worker finished (success or failure)."),
    gettext_noop("When the worker started executing the task."),
    gettext_noop("When this schedule runs next (stored in UTC)."),
    gettext_noop("Yearly"),
    gettext_noop("e.g. 1, 2, 'John'"),
    gettext_noop("e.g. module.tasks.function"),
    gettext_noop("e.g. module.tasks.result_function"),
    gettext_noop("e.g. x=1, y=2, name='John'"),
    gettext_noop("last_run"),
    gettext_noop("n = n times, -1 = forever"),
    gettext_noop("success"),
)


def _fit(table: str, columns: tuple[str, ...]) -> None:
    """Register the library's pages of a table anew, with these columns."""
    model = apps.get_model("django_q", table)
    if not admin.site.is_registered(model):
        return  # messages: they have a table where the broker is the database
    theirs = type(admin.site.get_model_admin(model))
    admin.site.unregister(model)
    links = {"list_display": columns, "list_display_links": columns[:1]}
    admin.site.register(model, type(theirs.__name__, (theirs,), links))


for _table, _columns in COLUMNS.items():
    _fit(_table, _columns)
