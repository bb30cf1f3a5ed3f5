"""Dates and hours as the pages write them, the same in both languages; Django's long ones cut the
admin's tables. The zone stands in the admin's head."""

DATE_FORMAT = SHORT_DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i"
TIME_FORMAT = "H:i"
