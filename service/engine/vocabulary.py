"""What a table may speak about: features, each a closed set of values."""

from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Feature:
    """A named, closed set of values.

    A feature that a caller states always has `unknown` among its values; a feature that a table
    derives has the values that the table may give.
    """

    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse an empty or repeating set of values."""
        if not self.values or len(set(self.values)) != len(self.values):
            message = f"feature {self.name!r} needs values, each named once"
            raise ValueError(message)
