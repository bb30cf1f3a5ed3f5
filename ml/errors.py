"""One short tree: everything `ml` refuses, it refuses with a child of MLError."""

from __future__ import annotations


class MLError(Exception):
    """Base of every error raised on purpose by `ml`.

    `code` is stable and meant for programs; `fields` maps an input's name to what is wrong with it.
    """

    code = "ml_error"

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})


class UnknownFamily(MLError):
    """No model family, or no task, of that name is registered."""

    code = "unknown_family"


class BadConfig(MLError):
    """A hyper-parameter is unknown, of the wrong type or out of its range."""

    code = "bad_config"


class BadQuotes(MLError):
    """A quotes frame that no model could use: no price column, not sorted, naive time."""

    code = "bad_quotes"


class NotEnoughData(MLError):
    """Too little usable history; `needed` and `present` count rows of the regular grid."""

    code = "not_enough_data"

    def __init__(
        self, message: str, *, needed: int, present: int, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, fields)
        self.needed = needed
        self.present = present


class ArtifactMismatch(MLError):
    """The artifact is sound but does not fit what is asked of it (columns, task, format)."""

    code = "artifact_mismatch"


class ArtifactBroken(MLError):
    """The artifact is missing, incomplete, or its checksum does not match."""

    code = "artifact_broken"


class DeviceUnavailable(MLError):
    """The device that was wished for is not there."""

    code = "device_unavailable"


class TrainingDiverged(MLError):
    """The loss left the finite numbers and never came back."""

    code = "training_diverged"


class Cancelled(MLError):
    """The progress callback asked the training to stop."""

    code = "cancelled"
